/*
 * shortest - the shortest decimal that reads back as the same binary floating-point number,
 * and of those the closest to it: Raffaello Giulietti, "The Schubfach way to render doubles".
 */
#ifndef SHORTEST_H
#define SHORTEST_H

#include <stdint.h>

/* digits times ten to the exponent; digits has at most 17, and the last is not 0. */
struct shortest {
	uint64_t digits;
	int exponent;
};

/* Of a number that is finite and not 0; the sign is ignored. */
struct shortest shortest_double(double d);
struct shortest shortest_float(float f);

#endif
