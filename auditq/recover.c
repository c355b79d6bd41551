/* recover - auditq_recover: what dead writers left below a root, finished on request. */
#include "recover.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "qerror.h"

struct relay {
	struct qwarn to;
};

static void
on_warning(void *arg, const alog_error *from)
{
	const struct relay *relay = arg;
	auditq_error err = { 0 };
	const int code = qerror_from(&err, from);

	qwarn_send(
	    &relay->to, code, code != AUDITQ_EBUSY, err.path, 0, err.offset, "%s", err.text);
}

int
auditq_recover(const char *path, auditq_warning_fn *fn, void *arg, auditq_recover_result *out,
    auditq_error *err)
{
	struct relay relay = { { fn, arg } };
	struct segment_root root = { .path = path, .file_mode = 0640, .dir_mode = 0750 };
	const struct recover_options opt = { .root = &root,
		.orphans = true,
		.seal = true,
		.gzip_level = 6,
		.segment_bytes = UINT64_C(64) << 20,
		.warn = on_warning,
		.arg = &relay };
	struct recover_result res = { 0 };
	auditq_recover_result all;
	alog_error from = { 0 };
	int rc;

	qerror_reset(err);
	if (out != NULL && out->size < sizeof out->size)
		return qerror_set(err, AUDITQ_EINVAL, 0, NULL, "the result's size is not set");
	root.fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
	if (root.fd < 0)
		return qerror_set(err, errno == ENOENT ? AUDITQ_ENOENT : AUDITQ_EIO, errno,
		    path, "cannot open the root");
	rc = recover_root(&opt, &res, &from);
	(void)sys->close(root.fd);
	if (rc < 0)
		return qerror_from(err, &from);
	if (out != NULL) {
		all = (auditq_recover_result){ out->size, res.rings, res.records, res.segments,
			res.sealed, res.torn, res.alive };
		memcpy(out, &all, out->size < sizeof all ? out->size : sizeof all);
	}
	return 0;
}
