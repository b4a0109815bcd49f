/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/proxy/reserve.h"

#include "metering/usage/estimate.h"

/* Neither caller nor configuration bounds the output: what present models write at most. */
#define RESERVE_OUTPUT_UNKNOWN 16384

struct price_key reserve_price_key(const struct request *req, struct str served, struct str tier)
{
	const struct model_options *model = &req->model->options;

	return (struct price_key){
		.provider = upstream_options(req->model->upstream)->provider,
		.model = served,
		.alias = model->price,
		.tier = tier,
		.region = str_is_set(model->region) ? model->region : STR(""),
	};
}

/* Sound is told by its length where it is not told in tokens: at 8 kbit/s a byte lasts a
 * millisecond, and at the usual 32 kbit/s four bytes do. */
#define RESERVE_BYTES_PER_MS 4

/* Chunks of at least so many bytes make a search unit of a hundred documents. */
#define RESERVE_BYTES_PER_SEARCH 300

static void set_units(struct request *req, struct cost_bound *bound)
{
	switch (req->dialect) {
	case DIALECT_OPENAI_IMAGES:
		bound->unit = STR("images");
		bound->unit_count = (int64_t)MAX(req->peek.answers, 1);
		bound->has_media = true;
		break;
	case DIALECT_OPENAI_SPEECH:
		req->row_count = (int64_t)peek_characters(&req->peek, &req->body);
		bound->unit = STR("chars");
		bound->unit_count = req->row_count;
		bound->has_media = true;
		break;
	case DIALECT_OPENAI_TRANSCRIPTIONS:
		req->input_estimate = (int64_t)(req->body_len / RESERVE_BYTES_PER_MS);
		bound->unit = STR("audio_ms");
		bound->unit_count = (int64_t)req->body_len;
		bound->has_media = true;
		break;
	case DIALECT_COHERE_RERANK:
		bound->unit = STR("searches");
		bound->unit_count = 1 + (int64_t)(req->body_len / RESERVE_BYTES_PER_SEARCH);
		break;
	default: break;
	}
}

static void set_estimates(struct request *req, struct cost_bound *bound)
{
	if ((dialect_rules(req->dialect) & DIALECT_BY_CALL) != 0) {
		bound->requests = 1;
		bound->rows = req->row_count;
		return;
	}
	req->input_estimate = estimate_input_tokens(req->body_len, false);
	req->output_bound = (int64_t)req->peek.max_tokens;
	if (req->output_bound == 0)
		req->output_bound = (int64_t)req->model->options.max_output;
	bound->input_tokens = estimate_input_tokens(req->body_len, true);
	/* Providers write caches unasked. */
	bound->may_write_cache = true;
	bound->output_tokens = req->output_bound > 0 ? req->output_bound : RESERVE_OUTPUT_UNKNOWN;
	bound->output_tokens *= (int64_t)MAX(req->peek.answers, 1);
	/* Embeddings and the like write nothing. */
	if ((dialect_rules(req->dialect) & DIALECT_TOTAL_IS_INPUT) != 0)
		bound->output_tokens = req->output_bound = 0;
	set_units(req, bound);
}

static enum err set_floor(struct request *req, const struct price_key *key,
			  const struct cost_bound *bound)
{
	const struct price_book *book = req->snap->rules->prices;
	const struct price_set *set =
		price_find_set(book, key, req->started_ns, bound->input_tokens);
	bool is_sound = req->dialect == DIALECT_OPENAI_TRANSCRIPTIONS;
	struct cost_item items[] = {
		{is_sound ? STR("audio_ms") : STR("in_text_uncached"), req->input_estimate},
		{STR("requests"), bound->requests},
		{STR("rows"), bound->rows},
	};

	return cost_compute(set, items, ARRAY_LEN(items), &req->floor);
}

enum err reserve_bound(struct request *req)
{
	const struct snapshot *snap = req->snap;
	struct price_key key = reserve_price_key(req, req->model->options.upstream_model, STR(""));
	struct cost_bound bound = {0};
	enum err err;

	req->floor.count = 0;
	req->floor.pico = 0;
	req->floor.currency = STR("");
	req->bound_currency = STR("");
	req->bound_tokens = req->bound_output = 0;
	if ((req->match.operation->flags & OP_METERED) == 0)
		return OK;
	set_estimates(req, &bound);
	req->bound_output = bound.output_tokens;
	req->bound_tokens = bound.input_tokens + bound.output_tokens;
	err = set_floor(req, &key, &bound);
	if (err == OK)
		err = cost_bound(snap->rules->prices, &key, req->started_ns, &bound,
				 &req->bound_pico, &req->bound_currency);
	return err == ERR_NOT_FOUND && snap->allow_unpriced ? OK : err;
}
