/* Written by generate_coefficients.py; ascending powers. */
#pragma once
/* EXP: [-0.346747, 0.346747], fit error 1.4e-18 */
static const double EXP_C[11] = {0x1.0000000000000p-1, 0x1.5555555555557p-3, 0x1.5555555555556p-5, 0x1.11111111100cep-7, 0x1.6c16c16c162ccp-10, 0x1.a01a01abef415p-13, 0x1.a01a01a6dcaffp-16, 0x1.71de021a90822p-19, 0x1.27e4db57442fbp-22, 0x1.af4e196027428p-26, 0x1.1f731ea5352cap-29};
/* EXP8: [-0.0433434, 0.0433434], fit error 1.24e-17 */
static const double EXP8_C[7] = {0x1.0000000000000p-1, 0x1.555555555559dp-3, 0x1.5555555555572p-5, 0x1.1111110c63577p-7, 0x1.6c16c16858947p-10, 0x1.a01eded36acf4p-13, 0x1.a01de5c83f29fp-16};
/* LOG: [0.0, 0.0294667], fit error 2.09e-18 */
static const double LOG_C[8] = {0x1.5555555555555p-1, 0x1.9999999999a39p-2, 0x1.2492492476a1ap-2, 0x1.c71c7201a55d7p-3, 0x1.745cf8e4bba1bp-3, 0x1.3b1c3c1c81c8fp-3, 0x1.0fbde0f4ad17bp-3, 0x1.0c0aff044a970p-3};
/* LOG_WIDE: [0.0, 0.04004], fit error 2.55e-17 */
static const double LOG_WIDE_C[8] = {0x1.5555555555555p-1, 0x1.9999999999f21p-2, 0x1.24924923dd530p-2, 0x1.c71c72e0c9e5fp-3, 0x1.745cabd235dd8p-3, 0x1.3b29e206cef6fp-3, 0x1.0e8af7d791ceap-3, 0x1.16a6bc9c311efp-3};
/* LOG5: [0.0, 0.0294667], fit error 1.29e-20 */
static const double LOG5_C[9] = {0x1.999999999999ap-2, 0x1.2492492492491p-2, 0x1.c71c71c71cfe7p-3, 0x1.745d1745124c7p-3, 0x1.3b13b1bd0ead0p-3, 0x1.1110df7e2b9b8p-3, 0x1.e1f80a4c22cd4p-4, 0x1.ac4927065cf5ap-4, 0x1.b8e0c07ef591ap-4};
/* SIN: [0.0, 0.616974], fit error 2.05e-17 */
static const double SIN_C[6] = {-0x1.5555555555555p-3, 0x1.1111111110bb1p-7, -0x1.a01a019e8357dp-13, 0x1.71de37961e4c6p-19, -0x1.ae600a926c89ap-26, 0x1.5e0af186af739p-33};
/* COS: [0.0, 0.616974], fit error 1.28e-18 */
static const double COS_C[6] = {0x1.5555555555555p-5, -0x1.6c16c16c16966p-10, 0x1.a01a019f4e867p-16, -0x1.27e4fa17a41b4p-22, 0x1.1eeb68b109173p-29, -0x1.907d7aebd5e3dp-37};
/* ATAN: [0.0, 0.171744], fit error 1.17e-18 */
static const double ATAN_C[12] = {-0x1.5555555555555p-2, 0x1.9999999999952p-3, -0x1.249249248d739p-3, 0x1.c71c71c2fc236p-4, -0x1.745d165c497f3p-4, 0x1.3b1392a9c2d8bp-4, -0x1.110e84aa36d9dp-4, 0x1.e199c62156609p-5, -0x1.ac7858539e493p-5, 0x1.74d3a7b43351ap-5, -0x1.1b1992aa413c9p-5, 0x1.0a997ba33c1dbp-6};
/* TANH: [0.0, 0.4], fit error 5.14e-18 */
static const double TANH_C[12] = {-0x1.5555555555555p-2, 0x1.111111111108bp-3, -0x1.ba1ba1ba0c07bp-5, 0x1.664f487d0930bp-6, -0x1.226e344877d0ep-7, 0x1.d6d39261e7f7cp-9, -0x1.7d9eea8bdd598p-10, 0x1.3521bec3ce8bdp-11, -0x1.f2016dc08c527p-13, 0x1.833fe526a5888p-14, -0x1.0373ca8c37f02p-15, 0x1.aa6ebe737f310p-18};
/* SINH: [0.0, 1.0], fit error 2.54e-22 */
static const double SINH_C[8] = {0x1.5555555555555p-3, 0x1.1111111111111p-7, 0x1.a01a01a01a001p-13, 0x1.71de3a556f96cp-19, 0x1.ae6456792a77fp-26, 0x1.612467ccb2260p-33, 0x1.ae777c36fd5b6p-41, 0x1.99f0806c2628dp-49};
/* ERF: [0.0, 1.0], fit error 1.3e-19 */
static const double ERF_C[13] = {0x1.20dd750429b6dp+0, -0x1.812746b0379e6p-2, 0x1.ce2f21a042b30p-4, -0x1.b82ce31284e00p-6, 0x1.565bcd0dbaa38p-8, -0x1.c02db3dac435fp-11, 0x1.f9a321d5b8e1ep-14, -0x1.f4d1e3183f7aep-17, 0x1.b9df224ca4b97p-20, -0x1.5f1ecb6f0764cp-23, 0x1.f7b4bf3b13964p-27, -0x1.389d4f2641625p-30, 0x1.05ffd737fb32ep-34};
/* ERFC: [-0.428571, 0.411765], fit error 1.06e-22 */
static const double ERFC_C[21] = {0x1.afbb3f3b7343bp-3, -0x1.7ca88dec217a6p-2, 0x1.01c11a735cd98p-2, -0x1.0011543716c91p-3, 0x1.470ba1f67e9fdp-5, -0x1.05bb2fe5bf607p-8, -0x1.5a5716ce549a4p-9, 0x1.cb3b61b980b50p-11, 0x1.def2ca6b72369p-13, -0x1.0e4669482dec5p-13, -0x1.1ebe5b5400e29p-15, 0x1.384cec7ecba8dp-16, 0x1.fb0470692fa85p-18, -0x1.3479a9aba74d3p-19, -0x1.e7a4ef5a0c681p-20, 0x1.43a39533be5dcp-24, 0x1.a2274e884b80ep-22, 0x1.71c5183903687p-24, -0x1.f9b9e14603091p-25, -0x1.0c5fc00515405p-25, 0x1.8453d8fda0030p-30};
/* 2^(j/8), and what its rounding left out */
static const double POWER8[8] = {0x1.0000000000000p+0, 0x1.172b83c7d517bp+0, 0x1.306fe0a31b715p+0, 0x1.4bfdad5362a27p+0, 0x1.6a09e667f3bcdp+0, 0x1.8ace5422aa0dbp+0, 0x1.ae89f995ad3adp+0, 0x1.d5818dcfba487p+0};
static const double POWER8_LOW[8] = {0x0.0p+0, -0x1.19041b9d78a76p-55, 0x1.6f46ad23182e4p-55, 0x1.d4397afec42e2p-56, -0x1.bdd3413b26456p-54, 0x1.6e9f156864b27p-54, 0x1.7a1cd345dcc81p-54, 0x1.2ed02d75b3707p-55};
