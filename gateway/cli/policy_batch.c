/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/cli/policy_batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/cli/json_out.h"
#include "gateway/cli/policy_authorize.h"

#define BATCH_FILE	"stdin"
#define BATCH_READ	((size_t)64 << 10)
#define BATCH_LINE_JSON ((size_t)16 << 20)

/* What was read of stdin: [from, len) is not taken yet, [from, seen) holds no line end. */
struct batch_input {
	char *text;
	size_t from, seen, len;
	bool is_at_end;
};

struct batch {
	struct policy_ask *ask;
	struct policy_question_reader *reader;
	struct batch_input input;
	struct json_out out;
	unsigned line;
	bool has_bad_line;
};

/* Lines ------------------------------------------------------------------------------------ */

static enum io fill(struct batch_input *input)
{
	ssize_t len;

	memmove(input->text, input->text + input->from, input->len - input->from);
	input->len -= input->from;
	input->seen -= input->from;
	input->from = 0;
	do
		len = read(STDIN_FILENO, input->text + input->len, BATCH_READ);
	while (len < 0 && errno == EINTR);
	if (len < 0)
		return IO_FAIL;
	input->is_at_end = len == 0;
	input->len += (size_t)len;
	return IO_DONE;
}

/* The next line without its end. One that is too long comes cut, one byte past the limit. */
static enum io next_line(struct batch *batch, struct str *out)
{
	struct batch_input *input = &batch->input;
	const char *end = NULL;
	bool is_skipping = false;

	for (;;) {
		end = memchr(input->text + input->seen, '\n', input->len - input->seen);
		if (end != NULL || input->is_at_end)
			break;
		input->seen = input->len;
		if (input->len - input->from > POLICY_QUESTION_BYTES) {
			/* Only its beginning is kept: enough to see that it is too long. */
			is_skipping = true;
			input->len = input->seen = input->from + POLICY_QUESTION_BYTES + 1;
		}
		/* Who waits for the answers before it asks on must get them. */
		if (fflush(stdout) != 0 || fill(input) != IO_DONE)
			return IO_FAIL;
	}
	*out = str_make(input->text + input->from,
			(end == NULL ? input->len : (size_t)(end - input->text)) - input->from);
	input->from += out->len + (end != NULL ? 1 : 0);
	input->seen = input->from;
	if (is_skipping)
		out->len = POLICY_QUESTION_BYTES + 1;
	return end == NULL && out->len == 0 ? IO_EOF : IO_DONE;
}

/* Answers ---------------------------------------------------------------------------------- */

static enum err decide(struct batch *batch, struct str line, struct policy_decision *decision,
		       struct str *out_id, struct diag *diag)
{
	struct policy_ask *ask = batch->ask;
	const struct policy_inputs *inputs = &ask->inputs;
	struct policy_request request;
	enum err err;

	if (line.len > POLICY_QUESTION_BYTES)
		return diag_set(diag, ERR_LIMIT, BATCH_FILE, batch->line, 0,
				"the line is longer than %zu bytes", POLICY_QUESTION_BYTES);
	err = policy_question_line(batch->reader, &ask->arena, BATCH_FILE, batch->line, line,
				   inputs->schema, &request, out_id, diag);
	if (err == OK && inputs->schema != NULL && !ask->skips_request_validation)
		err = policy_question_conform(inputs->schema, &request, diag);
	if (err != OK)
		return err;
	err = policy_decide(inputs->policies, inputs->entities, &request, &ask->options,
			    &ask->arena, decision);
	return err == OK ? OK
			 : diag_set(diag, err, BATCH_FILE, batch->line, 0,
				    "the decision takes too much memory");
}

static enum err answer(struct batch *batch, struct str line)
{
	struct json_out *out = &batch->out;
	struct policy_decision decision;
	struct diag diag = {0};
	struct str id = {NULL, 0};
	enum err err = decide(batch, line, &decision, &id, &diag);

	json_out_open(out, NULL, '{');
	json_out_number(out, "line", batch->line);
	if (str_is_set(id))
		json_out_raw(out, "id", id);
	if (err == OK) {
		policy_decision_json(out, &decision);
	} else {
		batch->has_bad_line = true;
		json_out_str(out, "error", str_from_c(diag.text));
	}
	json_out_close(out, '}');
	arena_reset(&batch->ask->arena);
	return json_out_print(out, stdout);
}

static bool is_blank(struct str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
			return false;
	return true;
}

static int fail_io(const struct batch *batch, const char *what)
{
	(void)args_fail(&batch->ask->args, "%s: %s", what, strerror(errno));
	return EXIT_CODE_FAILED;
}

static int run(struct batch *batch)
{
	struct str line;
	enum io io;

	while ((io = next_line(batch, &line)) == IO_DONE) {
		batch->line++;
		if (!is_blank(line) && answer(batch, line) != OK)
			return fail_io(batch, "an answer could not be written");
	}
	if (io == IO_FAIL)
		return fail_io(batch, "stdin or stdout failed");
	if (fflush(stdout) != 0)
		return fail_io(batch, "an answer could not be written");
	return batch->has_bad_line ? EXIT_CODE_NO : EXIT_CODE_FINE;
}

int policy_batch_run(struct policy_ask *ask)
{
	struct batch batch = {.ask = ask};
	int code;

	batch.reader = policy_question_reader_new();
	batch.input.text = base_alloc(POLICY_QUESTION_BYTES + 1 + 2 * BATCH_READ);
	json_out_init(&batch.out, BATCH_LINE_JSON);
	code = run(&batch);
	json_out_fini(&batch.out);
	free(batch.input.text);
	policy_question_reader_free(batch.reader);
	return code;
}
