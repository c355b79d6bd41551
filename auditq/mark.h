/*
 * mark - a file's content up to an offset, by which it is known again when it was renamed, copied or compressed.
 */
#ifndef MARK_H
#define MARK_H

#include <stdbool.h>
#include <stdint.h>

#define MARK_PRINT 16 /* bytes of a fingerprint */

/* So much of the first and of the last bytes makes a file's identity: a line or more. */
#define MARK_BYTES 1024

struct mark {
	uint64_t offset; /* 0: there is none */
	uint8_t head[MARK_PRINT], tail[MARK_PRINT];
};

enum mark_result {
	MARK_OTHER, /* it has other content */
	MARK_HOLDS,
	MARK_UNREADABLE,
	MARK_CUT, /* it may come to hold it: it ends in the middle of a member */
};

/* Of what an open file holds before an offset.  0, or negative: it is shorter, or cannot be read. */
int mark_take(struct mark *out, int fd, uint64_t offset);
/* Whether an open file has the content that was marked, and perhaps more: not MARK_CUT. */
enum mark_result mark_match(const struct mark *mark, int fd);
/* Whether a gzip file does, decompressed; path is for messages.  MARK_CUT: where it holds the content, too. */
enum mark_result mark_match_gzip(const struct mark *mark, int fd, const char *path);

#endif
