/*
 * sanitizer - which one is in this build, or whether valgrind runs it.  Under ASan a program takes three times as
 * long, under TSan and valgrind ten to thirty times, and what they find they find in fewer rounds of what is random
 * or repeated.  Where it is counted what is reached (coverage.h), a program takes as long as under ASan or longer.
 */
#ifndef SANITIZER_H
#define SANITIZER_H

#include <stdbool.h>
#include <stdlib.h>

#if defined(__has_feature) /* clang */
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#elif __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* tests/valgrind says so. */
#define VALGRIND (getenv("VALGRIND") != NULL)

#if defined(__SANITIZE_ADDRESS__)
#define ASAN true
#define TSAN false
/* How often, or with which stride: without a sanitizer, under ASan, under TSan or valgrind. */
#define BY_SANITIZER(none, asan, slow) (asan)
#elif defined(__SANITIZE_THREAD__)
#define ASAN                           false
#define TSAN                           true
#define BY_SANITIZER(none, asan, slow) (slow)
#elif defined(COVERAGE_H)
#define ASAN                           false
#define TSAN                           false
#define BY_SANITIZER(none, asan, slow) (asan)
#else
#define ASAN                           false
#define TSAN                           false
#define BY_SANITIZER(none, asan, slow) (VALGRIND ? (slow) : (none))
#endif

#endif
