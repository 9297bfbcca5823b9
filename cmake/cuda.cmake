# cuda.cmake: the CUDA device: finds nvcc and the runtime, and compiles the kernels of src/cuda.
#
# nvcc is called as a program and not as a language of CMake's: so nothing but the kernels is ever
# compiled or linked by it, and all else is what it is without it. The objects need no C++ library.
# The runtime is linked statically and looks for the driver when it is first called: one binary
# serves machines with and without a GPU.
#
#   WEIR_CUDA                AUTO: where nvcc is found and the build is an ordinary one; ON: an error
#                            without nvcc; OFF
#   WEIR_CUDA_ARCHITECTURES  90a;120: so many kinds of GPU; 90+PTX: with code for later ones;
#                            all: what packages are made with; empty: what this machine has, or 90a
#
# After weir_find_cuda: WEIR_HAS_CUDA, and weir_cuda_objects(OUT SOURCE...) makes objects.

set(WEIR_CUDA AUTO CACHE STRING "the CUDA device: AUTO (where nvcc is found), ON or OFF")
set_property(CACHE WEIR_CUDA PROPERTY STRINGS AUTO ON OFF)
set(WEIR_CUDA_ARCHITECTURES "" CACHE STRING
  "GPUs to compile kernels for: 90a;120, 90+PTX, all (packages); empty: this machine's, or 90a")

# All kinds of GPU from compute capability 8.0 on: each has code of its own or of its family, and
# those that come are served by the last entry.
set(WEIR_CUDA_ALL_ARCHITECTURES 80 86 89 90a 120 90+PTX)
set(WEIR_CUDA_LEAST_NVCC 12.8) # the first that knows sm_120
set(WEIR_CUDA_LEAST_ARCHITECTURE 80) # the first with cp.async and products of bfloat16

# Compute capabilities of this machine's GPUs, as architectures: those that kernels are for (8.0 on)
# and that nvcc knows; of one that is newer than nvcc the first of its family, whose code it runs.
function(weir_cuda_native out)
  find_program(WEIR_NVIDIA_SMI nvidia-smi)
  mark_as_advanced(WEIR_NVIDIA_SMI)
  set(${out} "" PARENT_SCOPE)
  if(NOT WEIR_NVIDIA_SMI)
    return()
  endif()
  execute_process(COMMAND ${WEIR_NVIDIA_SMI} --query-gpu=compute_cap --format=csv,noheader
    OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE code)
  string(REGEX MATCHALL "[0-9]+\\.[0-9]" found "${found}")
  if(NOT code EQUAL 0 OR NOT found)
    return()
  endif()
  execute_process(COMMAND ${WEIR_NVCC} --list-gpu-arch OUTPUT_VARIABLE known ERROR_QUIET)
  string(REGEX MATCHALL "[0-9]+" known "${known}")
  set(architectures)
  foreach(capability ${found})
    string(REPLACE "." "" architecture "${capability}")
    string(REGEX REPLACE "[0-9]$" "0" first "${architecture}")
    if(architecture LESS WEIR_CUDA_LEAST_ARCHITECTURE)
      message(STATUS "CUDA device: no kernels for a GPU of compute capability ${capability}")
    elseif(architecture IN_LIST known)
      list(APPEND architectures ${architecture})
    elseif(first IN_LIST known)
      list(APPEND architectures ${first})
    else()
      message(STATUS "CUDA device: this nvcc knows no compute capability ${capability}")
    endif()
  endforeach()
  list(REMOVE_DUPLICATES architectures)
  list(TRANSFORM architectures REPLACE "^90$" "90a")
  set(${out} "${architectures}" PARENT_SCOPE)
endfunction()

# -gencode arguments of a list of architectures.
function(weir_cuda_gencode out)
  set(arguments)
  foreach(architecture ${ARGN})
    string(REGEX MATCH "^([0-9]+[af]?)(\\+PTX)?$" is_known "${architecture}")
    if(NOT is_known)
      message(FATAL_ERROR "WEIR_CUDA_ARCHITECTURES: '${architecture}': expected a list such as "
        "80;90a;90+PTX, or all")
    endif()
    if(CMAKE_MATCH_2)
      list(APPEND arguments -gencode arch=compute_${CMAKE_MATCH_1},code=compute_${CMAKE_MATCH_1})
    else()
      list(APPEND arguments -gencode arch=compute_${CMAKE_MATCH_1},code=sm_${CMAKE_MATCH_1})
    endif()
  endforeach()
  set(${out} "${arguments}" PARENT_SCOPE)
endfunction()

# What keeps the device out of this build; empty: nothing. Sets WEIR_NVCC.
function(weir_cuda_trouble out)
  set(${out} "" PARENT_SCOPE)
  find_program(WEIR_NVCC nvcc HINTS ENV CUDACXX ENV CUDA_PATH PATH_SUFFIXES bin
    PATHS /usr/local/cuda/bin)
  mark_as_advanced(WEIR_NVCC)
  if(NOT WEIR_NVCC)
    set(${out} "nvcc was not found (looked on PATH, in CUDA_PATH and /usr/local/cuda/bin)"
      PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND ${WEIR_NVCC} --version OUTPUT_VARIABLE text ERROR_QUIET)
  string(REGEX MATCH "release ([0-9.]+)" is_known "${text}")
  set(version "${CMAKE_MATCH_1}")
  if(NOT is_known)
    set(${out} "${WEIR_NVCC} does not tell its release" PARENT_SCOPE)
    return()
  endif()
  if(version VERSION_LESS WEIR_CUDA_LEAST_NVCC)
    set(${out} "${WEIR_NVCC} is release ${version}, expected ${WEIR_CUDA_LEAST_NVCC} or newer"
      PARENT_SCOPE)
    return()
  endif()
  set(WEIR_NVCC_VERSION ${version} PARENT_SCOPE)
  get_filename_component(folder ${WEIR_NVCC} REALPATH)
  get_filename_component(folder ${folder} DIRECTORY)
  get_filename_component(folder ${folder} DIRECTORY)
  if(NOT CUDAToolkit_ROOT)
    set(CUDAToolkit_ROOT ${folder})
    set(CUDAToolkit_ROOT ${folder} PARENT_SCOPE)
  endif()
  find_package(CUDAToolkit QUIET)
  if(NOT TARGET CUDA::cudart_static)
    set(${out} "libcudart_static.a of ${CUDAToolkit_ROOT} was not found" PARENT_SCOPE)
  endif()
endfunction()

macro(weir_find_cuda)
  set(WEIR_HAS_CUDA OFF)
  set(weir_cuda_why)
  if(WEIR_CUDA STREQUAL "AUTO" AND (WEIR_SANITIZE OR WEIR_FUZZ OR CMAKE_CROSSCOMPILING))
    set(weir_cuda_why "sanitizers, fuzz targets and cross builds have it only with WEIR_CUDA=ON")
  elseif(WEIR_CUDA)
    weir_cuda_trouble(weir_cuda_why)
    if(weir_cuda_why AND NOT WEIR_CUDA STREQUAL "AUTO")
      message(FATAL_ERROR "WEIR_CUDA=${WEIR_CUDA}: ${weir_cuda_why}")
    endif()
    if(NOT weir_cuda_why)
      set(WEIR_HAS_CUDA ON)
    endif()
  else()
    set(weir_cuda_why "WEIR_CUDA=${WEIR_CUDA}")
  endif()
  if(WEIR_HAS_CUDA)
    find_package(CUDAToolkit QUIET) # again, for its variables: those of a function's are gone
    set(weir_cuda_list "${WEIR_CUDA_ARCHITECTURES}")
    if(weir_cuda_list STREQUAL "all")
      set(weir_cuda_list ${WEIR_CUDA_ALL_ARCHITECTURES})
    elseif(NOT weir_cuda_list)
      weir_cuda_native(weir_cuda_list)
      if(NOT weir_cuda_list)
        set(weir_cuda_list 90a)
      endif()
    endif()
    weir_cuda_gencode(WEIR_CUDA_GENCODE ${weir_cuda_list})
    string(REPLACE ";" " " weir_cuda_text "${weir_cuda_list}")
    message(STATUS "CUDA device: nvcc ${WEIR_NVCC_VERSION}, architectures ${weir_cuda_text}")
  else()
    message(STATUS "CUDA device: left out: ${weir_cuda_why}")
  endif()
endmacro()

# No contraction of products and sums on either side, no exceptions, and no guards of static
# variables, which alone would need the C++ library.
set(WEIR_NVCC_FLAGS -std=c++17 -O3 --fmad=false -Xfatbin=-compress-all
  -Xcompiler=-fPIC,-fvisibility=hidden,-fno-exceptions,-fno-rtti,-fno-threadsafe-statics
  -Xcompiler=-ffp-contract=off,-Wall,-Wextra,-Wshadow,-Wpointer-arith,-Wvla,-Wformat=2)

function(weir_cuda_objects out)
  set(objects)
  set(flags ${WEIR_NVCC_FLAGS} ${WEIR_CUDA_GENCODE})
  if(WEIR_WERROR)
    list(APPEND flags -Werror all-warnings)
  endif()
  foreach(source ${ARGN})
    get_filename_component(name ${source} NAME)
    set(object ${PROJECT_BINARY_DIR}/cuda/${name}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${WEIR_NVCC} ${flags} -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_SOURCE_DIR}/src
        -MD -MF ${object}.d -c ${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d
      COMMENT "Compiling kernels of ${name}" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/cuda)
  set_source_files_properties(${objects} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
  set(${out} ${objects} PARENT_SCOPE)
endfunction()
