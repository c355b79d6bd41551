/*
 * vouch_mark - for vouch: where the bytes of each kind stand, as bits.
 */
#ifndef VOUCH_MARK_H
#define VOUCH_MARK_H

#include "vouch.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define VOUCH_X86 1
#elif defined(__aarch64__) && defined(__ARM_NEON) && defined(__GNUC__)
#define VOUCH_ARM 1
#endif

#if defined(VOUCH_X86) || defined(VOUCH_ARM)
#define VOUCH_SOME 1

/* What the ways on x86 need of the machine. */
#define AVX2 __attribute__((target("avx2,bmi,pclmul,popcnt")))
#define AVX512                                                                                 \
	__attribute__((                                                                        \
	    target("avx512bw,avx512dq,avx512vbmi,gfni,vpclmulqdq,avx2,bmi,pclmul,popcnt")))

#define BLOCK ((size_t)64) /* bytes of which the bits make a word */
#define WORDS ((size_t)64) /* of a stretch */
#define LANES                                                                                  \
	((size_t)8) /* words at once; of what machine registers ever, the compiler knows */

/* The kinds that are one byte each. */
#define SINGLES(X)                                                                             \
	X(QUOTE, '"')                                                                          \
	X(FEED, '\n')                                                                          \
	X(OPEN, '{')                                                                           \
	X(CLOSE, '}')                                                                          \
	X(COMMA, ',')                                                                          \
	X(COLON, ':')                                                                          \
	X(ZERO, '0')                                                                           \
	X(DOT, '.')                                                                            \
	X(MINUS, '-')                                                                          \
	X(SPACE, ' ')

#define NAME(kind, byte) kind,
enum kind {
	SINGLES(NAME) DIGIT,
	BAD,    /* a backslash, or a control character other than a line feed */
	INSIDE, /* a string, from its first quote up to its last, without that */
	ODD, /* behind an odd number of line feeds, colons and commas that are in no string; with itself */
	KINDS
};
#undef NAME

/*
 * A stretch of words, of each kind.  The first is at LANES, so that those which are taken at once are in one cache
 * line; before it is the last one of the stretch before.
 */
struct vouch_marks {
	_Alignas(LANES * sizeof(uint64_t)) uint64_t of[KINDS][LANES + WORDS];
	uint64_t wrong[LANES + WORDS]; /* cannot stand here */
	uint64_t word[LANES + WORDS];  /* true, false or null has to begin here */
};

#define BEFORE (LANES - 1)

/*
 * The first n words of a stretch, n at least 1, for the n * BLOCK bytes from p on.  Behind them, what makes up
 * LANES words is undefined.
 */
void vouch_mark(enum vouch_way way, struct vouch_marks *m, const char *p, size_t n);

#endif
#endif
