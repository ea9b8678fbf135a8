/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/tally.h"

#include <pthread.h>

#include "base/log.h"

#define WINDOW_MS    10000
#define TOLD_IN_FULL 10

static const char *const words[TALLY_KINDS] = {
#define TALLY(id, word) [TALLY_##id] = word,
#include "edge/tally.def"
#undef TALLY
};

static struct {
	pthread_mutex_t lock;
	struct {
		uint64_t count;
		uint64_t logged_ms;
		struct addr last;
	} kind[TALLY_KINDS];
} tallies = { .lock = PTHREAD_MUTEX_INITIALIZER };

bool
tally(enum tally_kind kind, const struct addr *last)
{
	uint64_t count;

	pthread_mutex_lock(&tallies.lock);
	count = ++tallies.kind[kind].count;
	tallies.kind[kind].last = *last;
	pthread_mutex_unlock(&tallies.lock);
	return count <= TOLD_IN_FULL;
}

void
tally_flush(uint64_t now_ms, bool force)
{
	for (int i = 0; i < TALLY_KINDS; i++) {
		uint64_t count, since;
		struct addr last;
		char text[ADDR_STRLEN];

		pthread_mutex_lock(&tallies.lock);
		since = now_ms - tallies.kind[i].logged_ms;
		count = tallies.kind[i].count;
		last = tallies.kind[i].last;
		if (count > 0 && (since >= WINDOW_MS || force)) {
			tallies.kind[i].count = 0;
			tallies.kind[i].logged_ms = now_ms;
		} else {
			count = 0;
		}
		pthread_mutex_unlock(&tallies.lock);
		if (count > 0)
			log_warn("limit",
			    "kind=%s count=%llu last=%s window=%us", words[i],
			    (unsigned long long)count, addr_print(&last, text),
			    WINDOW_MS / 1000);
	}
}
