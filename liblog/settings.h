/* settings - a logger's options: checked, completed with defaults, owned. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "monitor.h"
#include "redact.h"
#include "segment.h"

struct settings {
	char *root, *service, *host, *ring_dir; /* ring_dir NULL: <root>/.ring */
	int level;                              /* ALOG_LEVEL_OFF: disabled */
	unsigned flags;
	uint64_t segment_bytes, ring_bytes, seal_bytes;
	uint32_t record_bytes;
	int overflow;
	uint32_t block_ms, written_ms, fdatasync_ms, close_ms;
	int gzip_level;
	uint32_t keep_days, keep_segments;
	uint64_t keep_bytes;
	mode_t file_mode, dir_mode;
	struct redact *redact;
	int64_t (*clock)(void *arg);
	void *clock_arg;
};

/* Fill out from options and the environment; ALOG_EINVAL names the option. */
int settings_init(struct settings *out, const alog_options *opt, alog_error *err);
void settings_destroy(struct settings *s);
/* The instant for a record: the caller's clock, or the system's. */
int64_t settings_now(const struct settings *s);
/* What durations are measured by: the caller's clock, or the one of the system that is never set. */
int64_t settings_ticks(const struct settings *s);

#endif
