#!/usr/bin/env python3
"""Write pow10.h: the powers of ten that shortest.c multiplies with.

The entry for k is g = ceil(10^k / 2^(floor(log2(10^k)) - 127)), so that 2^127 <= g < 2^128.  The
range of k is what the doubles from 2^-1074 to 2^1024 need.

Usage: pow10.py > pow10.h
"""

FIRST, LAST = -292, 324


def entry(k):
    top, bottom = (10**k, 1) if k >= 0 else (1, 10**-k)
    exponent = k * 1741647 >> 19  # floor(log2(10^k)) for |k| <= 1233
    shift = 127 - exponent
    if shift >= 0:
        top <<= shift
    else:
        bottom <<= -shift
    g = -(-top // bottom)
    assert 1 << 127 <= g < 1 << 128, k
    return f"\t{{ 0x{g >> 64:016x}, 0x{g & (1 << 64) - 1:016x} }}, /* {k} */"


print("/* pow10 - powers of ten for shortest.c: 10^k as 128 bits, rounded up.  Made by pow10.py. */")
print("#ifndef POW10_H\n#define POW10_H\n\n#include <stdint.h>\n")
print(f"#define POW10_FIRST ({FIRST})\n")
print("/* clang-format off */")
print(f"static const struct pow10 {{ uint64_t hi, lo; }} pow10_table[{LAST - FIRST + 1}] = {{")
for k in range(FIRST, LAST + 1):
    print(entry(k))
print("};\n\n#endif")
