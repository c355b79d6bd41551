/* replay FILE|DIRECTORY... - a fuzz target's main without libFuzzer: each file once, as one test. */
#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

static void
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;

	/* Before it is run: the last line tells which one it was. */
	printf("# %s\n", path);
	(void)fflush(stdout);
	FUZZ_CLAIM(f != NULL && fstat(fileno(f), &st) == 0);
	data = malloc((size_t)st.st_size + 1);
	FUZZ_CLAIM(data != NULL);
	FUZZ_CLAIM(fread(data, 1, (size_t)st.st_size, f) == (size_t)st.st_size);
	/* An allocation of exactly that size, as libFuzzer's is. */
	data = realloc(data, st.st_size > 0 ? (size_t)st.st_size : 1);
	(void)LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	free(data);
	(void)fclose(f);
	printf("ok - %s\n", path);
}

static void
replay_directory(const char *path)
{
	struct dirent **entry;
	char name[4096];
	int n = scandir(path, &entry, NULL, alphasort);

	FUZZ_CLAIM(n >= 0);
	for (int i = 0; i < n; i++) {
		if (entry[i]->d_name[0] != '.') {
			(void)snprintf(name, sizeof name, "%s/%s", path, entry[i]->d_name);
			replay_file(name);
		}
		free(entry[i]);
	}
	free(entry);
}

int
main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			replay_directory(argv[i]);
		else
			replay_file(argv[i]);
	}
	return 0;
}
