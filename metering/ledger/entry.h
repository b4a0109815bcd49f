/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One settled attempt as the ledger reads it out of a tollgate.settle payload:
 * who, when, which lines, what it cost. One strict pass, no tree.
 *
 * Owns:    its text; views point into the struct or the payload: keep both until the next parse.
 * Threads: one user at a time.
 * Limits:  64 lines, 32 KiB of text, quantities up to 10^13 a line; past them the
 *          payload is refused. A name past LEDGER_DIM_BYTES is booked under its
 *          beginning and a hash, for a long name must not make a call free.
 */
#ifndef METERING_LEDGER_ENTRY_H
#define METERING_LEDGER_ENTRY_H

#include "base/jscan.h"
#include "metering/ledger/row.h"

#define LEDGER_ENTRY_LINES    64
#define LEDGER_ENTRY_TEXT     32768
#define LEDGER_QUANTITY_LIMIT 10000000000000LL

struct ledger_line {
	struct str meter;
	struct str price;
	struct str unit;
	int64_t quantity;
	int64_t rate_micro;
	int64_t pico;
};

struct ledger_entry {
	struct str dims[LEDGER_DIM_COUNT];
	struct str currency;
	struct str started;
	struct str time;
	int64_t start_s; /* UTC second the call began */
	int64_t cost_pico;
	int64_t attempt;
	uint32_t flags;
	struct ledger_line lines[LEDGER_ENTRY_LINES];
	unsigned line_count;
	char text[LEDGER_ENTRY_TEXT];
	size_t text_len;
	struct str payload; /* while it is parsed */
	unsigned seen;	    /* which required members came */
};

struct jscan_paths *ledger_entry_paths_new(void);
/* ERR_MALFORMED: not a settle record we can book; ERR_LIMIT: past a limit above. *out_why is
 * static text then. */
MUST_CHECK enum err ledger_entry_parse(struct ledger_entry *entry, const struct jscan_paths *paths,
				       struct str payload, const char **out_why);

#endif
