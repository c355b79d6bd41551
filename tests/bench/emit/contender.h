/* contender - what the emitter's benchmark compares: ways to write one record of some fields. */
#ifndef BENCH_EMIT_CONTENDER_H
#define BENCH_EMIT_CONTENDER_H

#ifdef __cplusplus
extern "C" {
#endif

/* For liblog, in arg. */
enum {
	CONTENDER_TMPFS = 1, /* the ring in /dev/shm */
	CONTENDER_BOUND = 2, /* all fields but one are bound */
	CONTENDER_SEAL = 4,  /* finished segments are sealed meanwhile */
};

/*
 * All may be open at once, those of liblog with the same place of the ring in one logger.  Files go below
 * dir.  emit is called by any thread.
 */
struct contender {
	const char *name;
	int fields;   /* 0, 6 or 20 */
	int survives; /* SIGKILL */
	int (*open)(const struct contender *c, const char *dir);
	void (*emit)(const struct contender *c, unsigned i);
	void (*written)(const struct contender *c); /* wait until everything is in the file */
	void (*close)(const struct contender *c);
	int arg;
};

/* From contenders.c. */
extern const struct contender contender_limit, contender_glib, contender_write;
int liblog_open(const struct contender *c, const char *dir);
void liblog_emit(const struct contender *c, unsigned i);
void liblog_written(const struct contender *c);
void liblog_close(const struct contender *c);
/* n calls below the level of c's logger. */
void liblog_disabled(const struct contender *c, unsigned n);
/* One durable call: 0, or negative. */
int liblog_audit(const struct contender *c, unsigned long i);

/* From spdlog_contender.cc; arg 1: async. */
int spdlog_open(const struct contender *c, const char *dir);
void spdlog_emit(const struct contender *c, unsigned i);
void spdlog_written(const struct contender *c);
void spdlog_close(const struct contender *c);

#ifdef __cplusplus
}
#endif
#endif
