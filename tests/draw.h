/* draw - for tests: numbers at random, the same again from the same seed. */
#ifndef DRAW_H
#define DRAW_H

#include <stdint.h>

static uint64_t draw_seed;

/* A step of splitmix64 from z: bits that look nothing like those of z + 1. */
static inline uint64_t
draw_mix(uint64_t z)
{
	z += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline uint64_t
draw_bits(void)
{
	const uint64_t z = draw_mix(draw_seed);

	draw_seed += UINT64_C(0x9e3779b97f4a7c15);
	return z;
}

static inline uint32_t
draw(uint32_t below)
{
	return (uint32_t)(draw_bits() >> 32) % below;
}

#endif
