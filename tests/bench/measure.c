/*
 * measure OUTPUT COMMAND [ARGUMENT]... - run a command, its standard output into the file OUTPUT.
 *
 * Prints its exit status, wall time, processor time and peak resident set, of the largest of its
 * processes: nanoseconds and bytes.  What starts a process leaves its own size in that process's
 * peak, and its own time in the wall's: so this one is small and does nothing else.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static int64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t
nanoseconds(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

int
main(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	struct rusage used;
	int64_t begun, ended;
	int status, r;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: measure OUTPUT COMMAND [ARGUMENT]...\n");
		return 2;
	}
	if ((r = posix_spawn_file_actions_init(&files)) != 0 ||
	    (r = posix_spawn_file_actions_addopen(
		 &files, 1, argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0644)) != 0) {
		fprintf(stderr, "measure: %s\n", strerror(r));
		return 2;
	}
	begun = now();
	if ((r = posix_spawnp(&pid, argv[2], &files, NULL, argv + 2, environ)) != 0) {
		fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(r));
		return 2;
	}
	if (wait4(pid, &status, 0, &used) < 0) {
		fprintf(stderr, "measure: wait4: %s\n", strerror(errno));
		return 2;
	}
	ended = now();
	posix_spawn_file_actions_destroy(&files);
	printf("{\"status\":%d,\"wall_ns\":%" PRId64 ",\"cpu_ns\":%" PRId64
	       ",\"peak_bytes\":%" PRId64 "}\n",
	    WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ended - begun,
	    nanoseconds(used.ru_utime) + nanoseconds(used.ru_stime),
	    (int64_t)used.ru_maxrss * 1024);
	return 0;
}
