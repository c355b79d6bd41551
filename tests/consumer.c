/* What a user's program is: it logs with the one library and asks with the other. */
#include <auditq.h>
#include <liblog.h>
#include <stdio.h>
#include <string.h>

static int
write_trail(const char *root)
{
	alog_options opt = { .size = sizeof opt, .root = root, .service = "consumer" };
	alog_error err;
	alog_t *log;

	if (alog_open(&log, &opt, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return -1;
	}
	alog_t *run = alog_run_begin(log, "run-1");
	alog_t *stage = alog_stage_begin(run, "detection");
	ALOG_INFO(stage, "model loaded", ALOG_KV("bytes", 1024), ALOG_KV("name", "resnet"));
	alog_stage_end(stage, ALOG_FAILED, ALOG_KV("error", "timeout"));
	alog_run_end(run, ALOG_FAILED);
	return alog_close(log);
}

/* The one failed record of the stage. */
static int
read_trail(const char *root)
{
	auditq_record rec;
	auditq_error err;
	char error[32];
	int r, n = 0;

	auditq_t *q = auditq_new();
	auditq_path(q, root);
	auditq_run(q, "run-1");
	auditq_stage(q, "detection");
	auditq_failed(q);
	while ((r = auditq_next(q, &rec, &err)) > 0) {
		if (auditq_get_string(&rec, "error", error, sizeof error) == 7 &&
		    memcmp(error, "timeout", 7) == 0)
			n++;
	}
	if (r < 0)
		fprintf(stderr, "%s\n", err.text);
	auditq_free(q);
	return n == 1 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	if (argc != 2 || write_trail(argv[1]) != 0 || read_trail(argv[1]) != 0)
		return 1;
	return 0;
}
