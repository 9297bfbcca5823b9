# embed.cmake: the page of the server as one file, and as a C array.
#
# In a build: include it and call weir_embed_page(OUTPUT); OUTPUT.html is the page, OUTPUT.c the
# array. As a script, with -D WEIR_PAGE_FOLDER=server/page -D WEIR_PAGE_OUTPUT=FILE, it makes them.
# Indents, lines that are comments, and blanks that a style does not need stay behind, so a script
# must not have texts of several lines. The hashes that the page's
# Content-Security-Policy names are computed here, so that no other script or style is ever run.

set(WEIR_PAGE_SCRIPTS base markdown store server answer messages settings main)
set(WEIR_PAGE_MOST_BYTES 102400)
set(WEIR_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

# SHA-256 of a text, in base64.
function(weir_page_hash text out)
  set(digits ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/)
  string(SHA256 hex "${text}")
  set(base64)
  # 64 hexadecimal digits and two of nothing are 33 bytes, 11 groups of three.
  foreach(at RANGE 0 60 6)
    string(SUBSTRING "${hex}00" ${at} 6 group)
    math(EXPR group "0x${group}")
    foreach(shift 18 12 6 0)
      math(EXPR digit "(${group} >> ${shift}) & 63")
      string(SUBSTRING ${digits} ${digit} 1 digit)
      string(APPEND base64 ${digit})
    endforeach()
  endforeach()
  string(REGEX REPLACE "A$" "=" base64 "${base64}")
  set(${out} "${base64}" PARENT_SCOPE)
endfunction()

# The bytes of a file as the inside of a C array.
function(weir_page_array path out)
  file(READ ${path} hex HEX)
  string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
  set(${out} "${hex}" PARENT_SCOPE)
endfunction()

# A file without indents and lines of comment.
function(weir_page_part path out)
  file(READ ${path} text)
  string(REGEX REPLACE "\n[ \n]+" "\n" text "\n${text}")
  string(REGEX REPLACE "\n//[^\n]*" "" text "${text}")
  string(REGEX REPLACE "\n/\\*[^\n]*\\*/" "" text "${text}")
  set(${out} "${text}" PARENT_SCOPE)
endfunction()

function(weir_make_page folder output)
  file(READ ${folder}/page.html page)
  weir_page_part(${folder}/page.css style)
  string(REGEX REPLACE "([:;,{}]) +" "\\1" style "${style}")
  set(script)
  foreach(name ${WEIR_PAGE_SCRIPTS})
    weir_page_part(${folder}/page_${name}.js part)
    string(APPEND script "${part}")
  endforeach()
  string(REPLACE "@STYLE@" "${style}" page "${page}")
  string(REPLACE "@SCRIPT@" "${script}" page "${page}")
  file(WRITE ${output}.html "${page}")
  file(SIZE ${output}.html n)
  if(n GREATER WEIR_PAGE_MOST_BYTES)
    message(FATAL_ERROR "the page has ${n} bytes, at most ${WEIR_PAGE_MOST_BYTES} are allowed")
  endif()

  weir_page_hash("${style}" style_hash)
  weir_page_hash("${script}" script_hash)
  file(SHA256 ${output}.html tag)
  string(SUBSTRING ${tag} 0 32 tag)
  weir_page_array(${output}.html array)
  file(WRITE ${output}.c "/* Made by cmake/embed.cmake from server/page. */
#include \"page_data.h\"

const char weir_page_tag[] = \"\\\"${tag}\\\"\";
const char weir_page_style_hash[] = \"sha256-${style_hash}\";
const char weir_page_script_hash[] = \"sha256-${script_hash}\";
const size_t weir_page_bytes = ${n};
const unsigned char weir_page[] = {
${array}
};
")
endfunction()

# Makes OUTPUT.c whenever something in server/page changes.
function(weir_embed_page output)
  set(folder ${PROJECT_SOURCE_DIR}/server/page)
  file(GLOB parts CONFIGURE_DEPENDS ${folder}/page.html ${folder}/page.css ${folder}/page_*.js)
  add_custom_command(OUTPUT ${output}.c ${output}.html
    COMMAND ${CMAKE_COMMAND} -D WEIR_PAGE_FOLDER=${folder} -D WEIR_PAGE_OUTPUT=${output}
      -P ${WEIR_EMBED_SCRIPT}
    DEPENDS ${parts} ${WEIR_EMBED_SCRIPT} VERBATIM)
endfunction()

if(CMAKE_SCRIPT_MODE_FILE AND WEIR_PAGE_OUTPUT)
  weir_make_page(${WEIR_PAGE_FOLDER} ${WEIR_PAGE_OUTPUT})
endif()
