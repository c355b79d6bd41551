/* emit - what the emitter benchmark compares: ways to write one record of some fields. */
#ifndef BENCH_EMIT_H
#define BENCH_EMIT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct contender {
	const char *name;
	int fields;   /* 0, 6 or 20 */
	int survives; /* SIGKILL */
	int (*open)(const struct contender *c, const char *dir);
	void (*emit)(const struct contender *c, unsigned i);
	void (*written)(void); /* wait until everything is in the file */
	void (*close)(void);
	int arg;
};

/* From spdlog_contender.cc. */
int spdlog_open(const struct contender *c, const char *dir); /* arg 1: async */
void spdlog_emit(const struct contender *c, unsigned i);
void spdlog_written(void);
void spdlog_close(void);

#ifdef __cplusplus
}
#endif
#endif
