# liblog and auditq: `make` builds, `make demo` shows, `make check` tests, `make install` installs.
#
#   make WERROR=1    a compiler's warning is an error
#   make SAN=asan    the same targets with ASan and UBSan, in build/asan; SAN=tsan likewise
#   make fuzz        every parser under libFuzzer, for FUZZ_SECONDS each
#
# Every list is explicit: what is not named here is not built.

VERSION = 0.1.0
PREFIX  = /usr/local
CC      = gcc

# ---- what there is -------------------------------------------------------------------------

# The part of liblog that libauditq contains too.
LIBLOG_BOTH = error sys bytes digest clock runid path shortest jbuf visible quotes token field \
	field_number field_string schema schema_value schema_text bloom sketch names format section keys tally summary \
	archive ring_read segment inventory monitor redact record rotate trail seal resume recover
LIBLOG_ONLY = level ring settings config retain thread keeper writer forks \
	logger context emit run open
AUDITQ = qerror nearest zone_names zone_rule zone spans timespec spool catalog pages index_load index input gunzip source successor scan scan_set vouch vouch_mark \
	sift sift_member sift_moved sift_piece value_file expr_tree expr_words expr_literal expr_list expr match known known_load require candidates prune batch temp spill merge sorter cache workers sequence plan plan_look plan_members \
	plan_replaced twins lastrun frontier ranges relay tasks streams search tail sample parts measure rollups census story living runtable muster roster pick around widen build passes notes watch mark headway cursor followed_look followed_place followed steps intake follow_list follow_begin follow sequel query vocabulary stats \
	stats_export cells runs runs_export tree tree_build tree_export record term output output_row output/jsonl \
	output/json output/csv output/tsv output/md output/raw output/line output/pretty target export pack_input pack_reject pack_store pack inspect_out inspect_json \
	inspect_text inspect recover compact_survey compact_merge compact
CLI = say out progress screen table opt explain hint ask chart when cmd_query cmd_stats cmd_runs cmd_run cmd_schemas cmd_pack cmd_inspect cmd_recover cmd_compact topics cmd_help cmd_completions cmd main

# Unit tests, each a program of its own: tests/test_NAME.c.
TESTS = \
	api archive asked \
	bloom build bytes \
	cache catalog clock compact config corrupt cost cursor \
	digest disk_full \
	emit error export expr \
	field field_number field_random follow forged forks format \
	golden golden_ring \
	index index_damage inspect \
	jbuf \
	keeper kill known \
	level life live \
	many match \
	names nearest \
	output \
	pack parts path power prune \
	query quotes \
	ranges record recover recover_files redact refused require rescued retain ring ring_file ring_model rotate rotation runid runs \
	sample scan schema seal search search_damage segment shared sketch soak sorter source stats sys \
	tail timespec trail unsteady \
	vocabulary vouch \
	writer writer_faults zone

# One libFuzzer target for each parser: tests/fuzz/NAME.c, with its inputs in fixtures/fuzz/NAME.
FUZZ = config expr extra field gunzip index jbuf pack ring schema time vouch
FUZZ_SECONDS = 60

# The program as a user runs it: tests/cli/NAME.sh.  "real", on large logs, is for `make check`.
CLI_TESTS = query names filters stats runs follow output show pack compact damage bad refused bounds terminal paths schemas usage man help completions

# Those in which several threads run: for TSan. Not those that fork first, of whose children it knows nothing; nor
# those whose many questions take minutes, and are asked in others, too.
THREADED = api build cache compact context emit follow index index_damage keeper kill many parts query \
	ranges refused rescued ring rotation search search_damage soak stats tail vocabulary writer \
	writer_faults
THREADED_CLI = query filters names stats runs follow output show compact pack damage paths

# Tests that are scripts, of what is in build/.
CHECKS = tests/includes.py tests/packages "tests/memory.py build" "tests/symbols build" "tests/consumer build" "tests/foreign/run build" \
	"tests/differential.py build 200 2" "tests/readme build" "tests/pictures build" \
	"tests/format.py fixtures/golden/trail.jsonl.gz fixtures/golden/trail.json" \
	"tests/format.py fixtures/golden/compacted.jsonl.gz fixtures/golden/compacted.json" \
	"tests/format.py fixtures/golden/older.jsonl.gz fixtures/golden/older.json"

COMPLETIONS = bash-completion/completions/auditq zsh/site-functions/_auditq \
	fish/vendor_completions.d/auditq.fish

HEADERS = liblog/liblog.h liblog/liblog.hpp auditq/auditq.h
MAN = liblog.3 auditq.1 liblog-format.5 auditq-query.7

PACKAGES = gcc:gcc pkg-config:pkg-config libc6-dev libjansson-dev zlib1g-dev libdeflate-dev \
	libpcre2-dev nettle-dev
CHECK_PACKAGES = g++:g++ libcmocka-dev scdoc:scdoc clang:clang python3:python3 jq:jq \
	'?node:nodejs' '?npm:npm' '?strace:strace' '?lnav:lnav' '?zsh:zsh' '?fish:fish'
BENCH_PACKAGES = g++:g++ libspdlog-dev libglib2.0-dev python3:python3 '?rg:ripgrep' '?jq:jq' \
	'?gojq:gojq' '?lnav:lnav' '?pigz:pigz' '?zstd:zstd' '?node:nodejs' '?npm:npm' \
	'?/lib/systemd/systemd-journal-remote:systemd-journal-remote'

# ---- how it is built -----------------------------------------------------------------------

B = build$(SAN:%=/%)
O = $B/obj

SAN_asan = -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_tsan = -fsanitize=thread
# For clang: with libFuzzer's counters in all objects, and its main in the targets.
SAN_fuzz = -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
	-fno-omit-frame-pointer
SAN_cov  = --coverage -fprofile-update=atomic -include tests/coverage.h
WARN     = -Wall -Wextra -Wpedantic -Wshadow -Wconversion
CFLAGS   = -O2 -g
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden $(WARN) $(WERROR:1=-Werror) \
	$(CFLAGS) $(SAN_$(SAN))
ALL_LDFLAGS = $(LDFLAGS) $(SAN_$(SAN))
LIBS = -ljansson -lz -ldeflate -lpcre2-8 -lnettle -lpthread -lm
# A library names all it needs; under a sanitizer the program brings the runtime.
SHARED = -shared -Wl,-z,nodelete -Wl,--as-needed $(if $(SAN),,-Wl,-z,defs)

BOTH_O   = $(LIBLOG_BOTH:%=$O/liblog/%.o)
LIBLOG_O = $(BOTH_O) $(LIBLOG_ONLY:%=$O/liblog/%.o)
AUDITQ_O = $(AUDITQ:%=$O/auditq/%.o)
# A library's names are local to it: what escapes for terminals, and what finds the name that was meant, are
# linked by the program, too.
CLI_O    = $(CLI:%=$O/auditq/cli/%.o) $O/auditq/term.o $O/auditq/nearest.o
OBJECTS  = $(LIBLOG_O) $(AUDITQ_O) $(CLI_O) $(TESTS:%=$O/tests/test_%.o) $(PROGRAMS:%=$O/%.o) \
	$(INSIDE_PROGRAMS:%=$O/%.o) $(BENCHES:%=$O/tests/bench/%.o) \
	$(FUZZ:%=$O/tests/fuzz/%.o) $O/tests/fuzz/replay.o
SOURCES  = $(OBJECTS:$O/%.o=%.c)

# Other programs, on the public API: the demo's service, what the tests write trails with.
PROGRAMS = docs/example/service tests/trail tests/bench/maketrail
# And one that reaches inside: what writes archives that nobody else would.
INSIDE_PROGRAMS = tests/archive

# What benchmarks run: these reach inside, as unit tests do.
BENCHES = measure inflate field seal

all: $B/auditq $B/liblog.a $B/liblog.so $B/libauditq.a $B/libauditq.so

# An including file sees only the side it is on: liblog knows nothing of auditq.
$O/liblog/%.o: INCLUDE = -Iliblog
$O/auditq/%.o: INCLUDE = -Iauditq -Iliblog
$O/tests/%.o: INCLUDE = -Itests -Iauditq -Iliblog
$O/docs/%.o: INCLUDE = -Iliblog

$O/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(INCLUDE) -MMD -MP -c -o $@ $<

# A static library is one object: names that are not in the map are local to it, so that they
# neither leak into a program nor clash between the two libraries.
$B/liblog.a: liblog/liblog.map $(LIBLOG_O)
$B/libauditq.a: auditq/auditq.map $(AUDITQ_O) $(BOTH_O)
$B/liblog.a $B/libauditq.a: Makefile
	ld -r -o $(@:.a=.o) $(filter %.o,$^)
	sed -n 's/^\t\t\(.*\);$$/\1/p' $(filter %.map,$^) >$(@:.a=.names)
	objcopy --keep-global-symbols=$(@:.a=.names) $(@:.a=.o)
	rm -f $@
	ar rcs $@ $(@:.a=.o)

$B/liblog.so: liblog/liblog.map $(LIBLOG_O)
$B/libauditq.so: auditq/auditq.map $(AUDITQ_O) $(BOTH_O)
$B/liblog.so $B/libauditq.so: Makefile
	$(CC) $(SHARED) $(ALL_LDFLAGS) -Wl,-soname,$(@F).0 -Wl,--version-script=$(filter %.map,$^) -o $@ \
		$(filter %.o,$^) $(LIBS)

$B/auditq: $(CLI_O) $B/libauditq.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# Unit tests reach inside: they link the objects, not the libraries.
$B/inside.a: $(LIBLOG_O) $(AUDITQ_O) $(filter-out %/main.o,$(CLI_O)) Makefile
	rm -f $@
	ar rcsT $@ $(filter %.o,$^)
$B/tests/test_%: $O/tests/test_%.o $B/inside.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) -lcmocka
# In which allocations fail.
$B/tests/test_asked $B/tests/test_life: LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc reallocarray strdup \
	strndup asprintf getcwd open_memstream free)
$B/tests/test_refused: LDFLAGS += $(patsubst %,-Wl$(comma)--wrap=%,malloc calloc realloc strdup \
	pthread_create symlinkat realpath)
comma = ,
FUZZ_MAIN = $(if $(filter fuzz,$(SAN)),-fsanitize=fuzzer,$O/tests/fuzz/replay.o)
$B/tests/fuzz/%: $O/tests/fuzz/%.o $O/tests/fuzz/replay.o $B/inside.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $< $(FUZZ_MAIN) $B/inside.a $(LIBS)
$(PROGRAMS:%=$B/%): $B/%: $O/%.o $B/liblog.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(INSIDE_PROGRAMS:%=$B/%) $(BENCHES:%=$B/tests/bench/%): $B/%: $O/%.o $B/inside.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# The benchmark of the emitter, with its peers.
EMIT_O = $(patsubst %,$O/tests/bench/emit/%.o,main contenders timing spdlog_contender)
$O/tests/bench/emit/contenders.o: INCLUDE = -Iliblog $$(pkg-config --cflags glib-2.0)
$O/tests/bench/emit/spdlog_contender.o: tests/bench/emit/spdlog_contender.cc tests/bench/emit/contender.h
	@mkdir -p $(@D)
	$(CXX) -std=c++17 $(CFLAGS) $$(pkg-config --cflags spdlog) -c -o $@ $<
$B/tests/bench/emit: $(EMIT_O) $B/inside.a
	@mkdir -p $(@D)
	$(CXX) -o $@ $^ $(LIBS) $$(pkg-config --libs spdlog glib-2.0)

# ---- what it is for ------------------------------------------------------------------------

demo: setup
	@$(MAKE) -s -j2 all $B/docs/example/service
	@sh docs/example/demo $B

# The terminal pictures of the README, from real output.
pictures: setup
	@sh .ci/packages python3:python3
	@$(MAKE) -s -j2 all $B/docs/example/service
	docs/pictures/draw $B docs/pictures

setup:
	@sh .ci/packages $(PACKAGES)
setup-check: setup
	@sh .ci/packages $(CHECK_PACKAGES)
	@sh tests/foreign/setup build/npm

# What is run in each build: plain, under ASan and UBSan, under TSan. What takes longest comes first.
suite = $(CLI_TESTS:%="tests/cli/run $(1)/auditq tests/cli/%.sh") \
	"tests/differential.py $(1) 40" $(TESTS:%=$(1)/tests/test_%) \
	$(foreach f,$(FUZZ),"$(1)/tests/fuzz/$f fixtures/fuzz/$f")
# TSan has nothing to say where there is one thread.
suite-tsan = $(THREADED_CLI:%="tests/cli/run $(1)/auditq tests/cli/%.sh") \
	"tests/differential.py $(1) 20" $(THREADED:%=$(1)/tests/test_%)
suite-threaded: all $(THREADED:%=$B/tests/test_%) $(PROGRAMS:%=$B/%) $(INSIDE_PROGRAMS:%=$B/%)
suite-all: all $(TESTS:%=$B/tests/test_%) $(FUZZ:%=$B/tests/fuzz/%) $(PROGRAMS:%=$B/%) \
	$(INSIDE_PROGRAMS:%=$B/%)

check: setup-check
	@$(MAKE) -s -j2 suite-all
	@$(MAKE) -s -j2 suite-all SAN=asan
	@$(MAKE) -s -j2 suite-threaded SAN=tsan
	@$(MAKE) -s check-clang
	@tests/run $(call suite-tsan,build/tsan) $(call suite,build/asan) $(CHECKS) $(call suite,build) \
		"tests/cli/run build/auditq tests/cli/real.sh" \
		"tests/cli/run build/asan/auditq tests/cli/real.sh"
check-unit: suite-all
	@tests/run $(call suite,$B)
check-asan:
	@$(MAKE) -s -j2 check-unit SAN=asan
check-tsan:
	@$(MAKE) -s -j2 suite-threaded SAN=tsan
	@tests/run $(call suite-tsan,build/tsan)
# Under valgrind a program runs some thirty times slower: with less of what is random or repeated (tests/sanitizer.h).
# All of it takes some eleven minutes of the processors' time.
check-valgrind: setup-check
	@sh .ci/packages valgrind:valgrind
	@$(MAKE) -s -j2 suite-all
	@PROPERTY=1000 KILLS=5 SCANS=20 FAULTS=997 SOAK_SECONDS=20 tests/run $(TESTS:%="tests/valgrind $B/tests/test_%")
check-clang:
	clang -std=c11 -D_GNU_SOURCE $(WARN) -Werror -fsyntax-only -Itests -Iauditq -Iliblog $(SOURCES)

# Each prints tables, and writes build/bench/NAME.json. BENCH_OPTIONS go to the program: see its --help.
setup-bench: setup
	@sh .ci/packages $(BENCH_PACKAGES)
	@sh tests/foreign/setup build/npm
	@$(MAKE) -s -j2 all $B/tests/bench/maketrail $(BENCHES:%=$B/tests/bench/%)

# Queries of a trail of about 1 GB beside other tools, for the targets of each; and of more data.
bench-query: setup-bench
	@tests/bench/query $B $(BENCH_OPTIONS)
# Ten thousand segments over a year: what a day and a needle cost, before auditq compact and after.
bench-many: setup-bench
	@tests/bench/many $B
# Sealing beside gzip, pigz and zstd: MB/s and size.
bench-seal: setup-bench
	@tests/bench/seals $B
# Reading the fields of a line, GB/s on one core.
bench-field: setup-bench
	@tests/bench/fields $B

# The tables of the latest runs into docs/benchmarks.md.
bench-paste:
	@tests/bench/paste $B docs/benchmarks.md

# Peak memory of queries over a trail of about 1 GB, against the bound of 64 MB.
bench-memory: setup-bench
	tests/bench/memory $B

# What a log call costs beside other libraries; as JSON lines in build/bench/emit/emit.json.
bench-emit: setup-bench
	@$(MAKE) -s -j2 $B/tests/bench/emit
	@rm -rf $B/bench/emit && mkdir -p $B/bench/emit
	@$B/tests/bench/emit $B/bench/emit $(ROUNDS)

# Which lines and branches the tests reach, with those of the write path that none does.  Programs that count it run
# as slowly as under ASan, and make as many rounds (tests/sanitizer.h); who asks all the time reaches no more of it.
coverage: setup-check
	@sh .ci/packages gcovr:gcovr
	@$(MAKE) -s -j2 suite-all SAN=cov CFLAGS=-O0
	@find build/cov -name '*.gcda' -delete
	-@SCANS=50 tests/run $(call suite,build/cov)
	@tests/coverage build/cov

# Look for inputs that break a parser.  What is found goes to build/fuzz/found; mended, it belongs into
# fixtures/fuzz/NAME, where `make check` tries it again.
fuzz: setup-check
	@$(MAKE) -s -j2 fuzz-programs SAN=fuzz CC=clang
	@tests/fuzz/run $(FUZZ_SECONDS) build/fuzz $(FUZZ)
fuzz-programs: $(FUZZ:%=$B/tests/fuzz/%)

# What takes too long for every day: ten million values, three thousand kills, all of the model, ten minutes of
# everything at once.
SOAK_SECONDS = 600
soak: setup-check
	@$(MAKE) -s -j2 suite-all
	PROPERTY=10000000 $B/tests/test_jbuf
	LARGE=1 $B/tests/test_ring_model
	LARGE=1 $B/tests/test_corrupt
	LARGE=1 $B/tests/test_forged
	LARGE=1 tests/cli/run $B/auditq tests/cli/bounds.sh
	KILLS=3000 $B/tests/test_kill
	SOAK_SECONDS=$(SOAK_SECONDS) $B/tests/test_soak
	FAULTS=full $B/tests/test_power
	FAULTS=1 $B/tests/test_life

# Make the golden files anew: a change of the format, to be looked at.
golden: $B/tests/test_golden $B/tests/test_golden_ring
	$B/tests/test_golden --write
	$B/tests/test_golden_ring --write

lint:
	git ls-files '*.[ch]' | xargs clang-format --dry-run -Werror
	clang-tidy --quiet $(filter-out tests/%,$(SOURCES)) -- -std=c11 -D_GNU_SOURCE -Itests -Iauditq -Iliblog
	cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 -D_GNU_SOURCE -Iauditq -Iliblog liblog auditq

# ---- where it goes -------------------------------------------------------------------------

D = $(DESTDIR)$(PREFIX)

man: $(MAN:%=$B/man/%)
$B/man/%: docs/%.scd
	@mkdir -p $(@D)
	scdoc <$< >$@ || { rm -f $@; exit 1; }
$B/liblog.pc: liblog/liblog.pc.in
$B/libauditq.pc: auditq/libauditq.pc.in
# Made anew each time: PREFIX may be another.
$B/%.pc: Makefile always
	sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' $(filter %.in,$^) >$@

install: all man $B/liblog.pc $B/libauditq.pc
	install -d $(D)/bin $(D)/include $(D)/lib/pkgconfig $(addprefix $(D)/share/man/man,1 3 5 7)
	install -m 755 $B/auditq $(D)/bin
	install -m 644 $(HEADERS) $(D)/include
	install -m 644 $B/liblog.a $B/libauditq.a $(D)/lib
	for l in liblog libauditq; do \
		install -m 755 $B/$$l.so $(D)/lib/$$l.so.$(VERSION) && \
		ln -sf $$l.so.$(VERSION) $(D)/lib/$$l.so.0 && ln -sf $$l.so.0 $(D)/lib/$$l.so || exit 1; \
	done
	install -m 644 $B/liblog.pc $B/libauditq.pc $(D)/lib/pkgconfig
	for m in $(MAN); do install -m 644 $B/man/$$m $(D)/share/man/man$${m##*.} || exit 1; done
	for c in $(COMPLETIONS); do \
		install -d $(D)/share/$${c%/*} && \
		$B/auditq completions $$(expr $$c : '\([a-z]*\)') >$(D)/share/$$c || exit 1; \
	done
uninstall:
	rm -f $(D)/bin/auditq $(addprefix $(D)/include/,$(notdir $(HEADERS)))
	rm -f $(D)/lib/liblog.* $(D)/lib/libauditq.* $(D)/lib/pkgconfig/liblog.pc \
		$(D)/lib/pkgconfig/libauditq.pc
	for m in $(MAN); do rm -f $(D)/share/man/man$${m##*.}/$$m; done
	rm -f $(addprefix $(D)/share/,$(COMPLETIONS))

clean:
	rm -rf build

.PHONY: all demo pictures setup setup-check suite-all suite-threaded check check-unit check-asan check-tsan check-clang \
	check-valgrind coverage setup-bench bench-query bench-many bench-seal bench-field \
	bench-emit bench-memory bench-paste fuzz fuzz-programs soak golden lint man install \
	uninstall clean always
always:
.SECONDARY:
-include $(OBJECTS:.o=.d)
