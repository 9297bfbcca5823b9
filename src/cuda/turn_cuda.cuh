/*
 * turn_cuda.cuh: the arithmetic of norms and rotations of heads that several kernels share, so that
 * whoever does them gives the same bits.
 */
#ifndef WEIR_CUDA_TURN_CUDA_CUH
#define WEIR_CUDA_TURN_CUDA_CUH

#include "cuda/cuda_words.cuh"

/* 1 / sqrt(mean of the squares + eps) */
CU_DEVICE float cu_inverse_rms(float squares, uint32_t width, float eps) {
    return 1.0f / sqrtf(squares / (float)width + eps);
}

/*
 * Cosine and sine of a float, right to the last bit but for a few in 10^8: in double, the angle
 * less a whole number of quarter turns (pi / 2 in two parts: 2^-100 of it is lost) and Taylor's
 * series, whose next terms are below 2^-46. CUDA's own would need a stack for angles that never
 * come.
 */
CU_DEVICE void cu_turn(float angle, float *cosine, float *sine) {
    double a = (double)angle;
    double quarters = rint(a * 0.63661977236758134308);
    double r = fma(-quarters, 6.123233995736766036e-17, fma(-quarters, 1.57079632679489655800, a));
    double z = r * r;
    double s = fma(z, -7.6471637318198164759e-13, 1.6059043836821614599e-10);
    s = fma(z, s, -2.5052108385441718775e-8);
    s = fma(z, s, 2.7557319223985890653e-6);
    s = fma(z, s, -1.9841269841269841270e-4);
    s = fma(z, s, 8.3333333333333333333e-3);
    s = fma(z, s, -1.6666666666666666667e-1);
    s = fma(r * z, s, r);
    double c = fma(z, -1.1470745597729724714e-11, 2.0876756987868098979e-9);
    c = fma(z, c, -2.7557319223985890653e-7);
    c = fma(z, c, 2.4801587301587301587e-5);
    c = fma(z, c, -1.3888888888888888889e-3);
    c = fma(z, c, 4.1666666666666666667e-2);
    c = fma(z, c, -0.5);
    c = fma(z, c, 1.0);
    uint32_t quadrant = (uint32_t)(long long)quarters & 3;
    double cos_value = quadrant & 1 ? s : c, sin_value = quadrant & 1 ? c : s;
    *cosine = (float)(quadrant == 1 || quadrant == 2 ? -cos_value : cos_value);
    *sine = (float)(quadrant >= 2 ? -sin_value : sin_value);
}

/* The rotation of a pair. */
CU_DEVICE void cu_rotate(float cosine, float sine, float *a, float *b) {
    float a0 = *a, b0 = *b;
    *a = a0 * cosine - b0 * sine;
    *b = b0 * cosine + a0 * sine;
}

#endif
