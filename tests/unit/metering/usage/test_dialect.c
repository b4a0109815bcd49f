/* SPDX-License-Identifier: Apache-2.0 */
/* One table: what each dialect's answers mean, unary and streamed, at every split of the bytes.
 * Apostrophes stand for quotes in the texts. */
#include "metering/usage/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "metering/usage/extract.h"

#define UNITS 7

struct row {
	const char *name;
	enum dialect dialect;
	enum extract_format format;
	const char *provider;
	const char *in;
	const char *want; /* meters that are not 0, model, tier, geo, source, flags */
};

static const struct row rows[] = {
	/* facts: the worked vectors that test_extract.c does not hold */
	{"gemini, cache inside, thoughts beside", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 "{'candidates':[{'content':{'parts':[{'text':'hi'}]},'finishReason':'STOP'}],'"
	 "modelVersion':'g-3-pro',"
	 "'usageMetadata':{'promptTokenCount':900,'cachedContentTokenCount':512,'"
	 "candidatesTokenCount':40,"
	 "'thoughtsTokenCount':210,'totalTokenCount':1150,'trafficType':'ON_DEMAND'}}",
	 "in_text_uncached=388 in_cache_read=512 out_text=40 out_reasoning=210 model=g-3-pro "
	 "tier=standard provider"},
	{"gemini: thoughts are most of the output", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 "{'usageMetadata':{'promptTokenCount':41,'candidatesTokenCount':5,'thoughtsTokenCount':"
	 "343,'totalTokenCount':389}}",
	 "in_text_uncached=41 out_text=5 out_reasoning=343 provider"},
	{"xai by its name", DIALECT_OPENAI_CHAT, EXTRACT_JSON, "xai",
	 "{'usage':{'prompt_tokens':100,'completion_tokens':20,'completion_tokens_details':{'"
	 "reasoning_tokens':300}}}",
	 "in_text_uncached=100 out_text=20 out_reasoning=300 provider"},
	{"xai by its total", DIALECT_OPENAI_CHAT, EXTRACT_JSON, "",
	 "{'usage':{'prompt_tokens':100,'completion_tokens':20,'total_tokens':420,'num_sources_"
	 "used':3,"
	 "'completion_tokens_details':{'reasoning_tokens':300}}}",
	 "in_text_uncached=100 out_text=20 out_reasoning=300 searches=3 provider"},
	{"xai, the total says inside", DIALECT_OPENAI_CHAT, EXTRACT_JSON, "xai",
	 "{'usage':{'prompt_tokens':100,'completion_tokens':320,'total_tokens':420,'completion_"
	 "tokens_details':{'reasoning_tokens':300}}}",
	 "in_text_uncached=100 out_text=20 out_reasoning=300 provider"},
	{"reasoning more than the output, and no total: it contradicts itself", DIALECT_OPENAI_CHAT,
	 EXTRACT_JSON, "",
	 "{'usage':{'prompt_tokens':100,'completion_tokens':20,'completion_tokens_details':{'"
	 "reasoning_tokens':300}}}",
	 "in_text_uncached=100 out_text=20 provider usage_inconsistent"},

	/* openai.chat: running counts */
	{"n = 2, running counts by answer, cut", DIALECT_OPENAI_CHAT, EXTRACT_SSE, "",
	 "data: "
	 "{'choices':[{'index':0,'delta':{}}],'usage':{'prompt_tokens':9,'completion_tokens':1,'"
	 "total_tokens':10}}\n\n"
	 "data: "
	 "{'choices':[{'index':1,'delta':{}}],'usage':{'prompt_tokens':9,'completion_tokens':2,'"
	 "total_tokens':11}}\n\n"
	 "data: "
	 "{'choices':[{'index':0,'delta':{}}],'usage':{'prompt_tokens':9,'completion_tokens':5,'"
	 "total_tokens':14}}\n\n",
	 "in_text_uncached=9 out_text=7 provider"},
	{"n = 2, the last block replaces them", DIALECT_OPENAI_CHAT, EXTRACT_SSE, "",
	 "data: "
	 "{'choices':[{'index':0,'delta':{}}],'usage':{'prompt_tokens':9,'completion_tokens':5,'"
	 "total_tokens':14}}\n\n"
	 "data: "
	 "{'choices':[{'index':1,'delta':{}}],'usage':{'prompt_tokens':9,'completion_tokens':3,'"
	 "total_tokens':12}}\n\n"
	 "data: "
	 "{'choices':[],'usage':{'prompt_tokens':9,'completion_tokens':8,'total_tokens':17,'prompt_"
	 "tokens_details':{'cached_tokens':4}}}\n\n"
	 "data: [DONE]\n\n",
	 "in_text_uncached=5 in_cache_read=4 out_text=8 provider"},
	{"an answer beyond all is counted with the last that is told apart",
	 DIALECT_OPENAI_COMPLETIONS, EXTRACT_SSE, "",
	 "data: {'choices':[{'index':127}],'usage':{'prompt_tokens':1,'completion_tokens':4}}\n\n"
	 "data: "
	 "{'choices':[{'index':5000000}],'usage':{'prompt_tokens':1,'completion_tokens':6}}\n\n",
	 "in_text_uncached=1 out_text=6 provider"},
	{"llama.cpp: pings and timings", DIALECT_OPENAI_CHAT, EXTRACT_SSE, "",
	 ": ping\n\ndata: {'choices':[{'index':0,'delta':{'content':'a'}}]}\n\n:\n\n"
	 "data: "
	 "{'choices':[],'usage':{'prompt_tokens':7,'completion_tokens':2,'total_tokens':9},'"
	 "timings':{'prompt_n':7,'predicted_ms':1.25}}\n\n"
	 ": ping\n\ndata: [DONE]\n\n",
	 "in_text_uncached=7 out_text=2 provider"},

	/* openai.responses: fees */
	{"responses, four fees", DIALECT_OPENAI_RESPONSES, EXTRACT_JSON, "",
	 "{'output':[{'type':'web_search_call'},{'type':'web_search_call'},{'type':'file_search_"
	 "call'},{'type':'code_interpreter_call'},"
	 "{'type':'image_generation_call'},{'type':'computer_call'}],'usage':{'input_tokens':5,'"
	 "output_tokens':6,'total_tokens':11}}",
	 "in_text_uncached=5 out_text=6 searches=2 file_searches=1 code_calls=1 image_calls=1 "
	 "provider"},
	{"responses stream cut behind two items", DIALECT_OPENAI_RESPONSES, EXTRACT_SSE, "",
	 "data: {'type':'response.output_item.added','item':{'type':'web_search_call'}}\n\n"
	 "data: {'type':'response.output_item.done','item':{'type':'web_search_call'}}\n\n"
	 "data: {'item':{'type':'code_interpreter_call'},'type':'response.output_item.done'}\n\n",
	 "searches=1 code_calls=1 none"},
	{"responses stream: the list at the end replaces the items", DIALECT_OPENAI_RESPONSES,
	 EXTRACT_SSE, "",
	 "data: {'type':'response.output_item.done','item':{'type':'web_search_call'}}\n\n"
	 "data: "
	 "{'type':'response.completed','response':{'output':[{'type':'web_search_call'}],'usage':{'"
	 "input_tokens':5,'output_tokens':6}}}\n\n",
	 "in_text_uncached=5 out_text=6 searches=1 provider"},

	/* openai.images */
	{"images by tokens", DIALECT_OPENAI_IMAGES, EXTRACT_JSON, "",
	 "{'created':1,'data':[{'b64_json':'AAAA'}],'usage':{'total_tokens':1100,'input_tokens':50,"
	 "'output_tokens':1050,"
	 "'input_tokens_details':{'text_tokens':10,'image_tokens':40}}}",
	 "in_text_uncached=10 in_image=40 out_image=1050 provider"},
	{"images, text among the output", DIALECT_OPENAI_IMAGES, EXTRACT_JSON, "",
	 "{'data':[{}],'usage':{'total_tokens':160,'input_tokens':10,'output_tokens':150,'input_"
	 "tokens_details':{'text_tokens':10,"
	 "'image_tokens':0},'output_tokens_details':{'text_tokens':20,'image_tokens':130}}}",
	 "in_text_uncached=10 out_text=20 out_image=130 provider"},
	{"images by the piece", DIALECT_OPENAI_IMAGES, EXTRACT_JSON, "",
	 "{'created':1,'data':[{'url':'u'},{'url':'v'},{'url':'w'}]}", "images=3 provider"},
	{"images stream: partial images tell nothing", DIALECT_OPENAI_IMAGES, EXTRACT_SSE, "",
	 "event: image_generation.partial_image\ndata: "
	 "{'type':'image_generation.partial_image','b64_json':'AA','partial_image_index':0}\n\n"
	 "event: image_generation.completed\ndata: "
	 "{'type':'image_generation.completed','b64_json':'AAAA','usage':{'total_tokens':1100,"
	 "'input_tokens':50,'output_tokens':1050,'input_tokens_details':{'text_tokens':10,'image_"
	 "tokens':40}}}\n\n",
	 "in_text_uncached=10 in_image=40 out_image=1050 provider"},
	{"images: more parts than output", DIALECT_OPENAI_IMAGES, EXTRACT_JSON, "",
	 "{'data':[],'usage':{'input_tokens':1,'output_tokens':5,'output_tokens_details':{'text_"
	 "tokens':9}}}",
	 "in_text_uncached=1 out_image=5 provider usage_inconsistent"},

	/* openai.transcriptions: a union */
	{"transcript by tokens", DIALECT_OPENAI_TRANSCRIPTIONS, EXTRACT_JSON, "",
	 "{'text':'hi','usage':{'type':'tokens','input_tokens':84,'output_tokens':9,'total_tokens':"
	 "93,'input_token_details':{'audio_tokens':80,'text_tokens':4}}}",
	 "in_text_uncached=4 in_audio=80 out_text=9 provider"},
	{"transcript by seconds", DIALECT_OPENAI_TRANSCRIPTIONS, EXTRACT_JSON, "",
	 "{'text':'hi','usage':{'type':'duration','seconds':8.4}}", "audio_ms=8400 provider"},
	{"verbose: what is billed wins over what was measured", DIALECT_OPENAI_TRANSCRIPTIONS,
	 EXTRACT_JSON, "",
	 "{'duration':8.470000267028809,'text':'hi','segments':[{'duration':1}],'usage':{'type':'"
	 "duration','seconds':9}}",
	 "audio_ms=9000 provider"},
	{"verbose: only what was measured", DIALECT_OPENAI_TRANSCRIPTIONS, EXTRACT_JSON, "",
	 "{'duration':8.470000267028809,'text':'hi'}", "audio_ms=8470 provider"},
	{"verbose: measured, as a text, rounded to the nearest", DIALECT_OPENAI_TRANSCRIPTIONS,
	 EXTRACT_JSON, "", "{'duration':'0.0005','text':'hi'}", "audio_ms=1 provider"},
	{"verbose: no duration at all", DIALECT_OPENAI_TRANSCRIPTIONS, EXTRACT_JSON, "",
	 "{'duration':'soon','text':'hi'}", "none usage_unreadable"},
	{"transcript stream", DIALECT_OPENAI_TRANSCRIPTIONS, EXTRACT_SSE, "",
	 "data: {'type':'transcript.text.delta','delta':'h'}\n\ndata: "
	 "{'type':'transcript.text.done','text':'hi','usage':{'type':'tokens',"
	 "'input_tokens':84,'output_tokens':9,'total_tokens':93,'input_token_details':{'audio_"
	 "tokens':80,'text_tokens':4}}}\n\n",
	 "in_text_uncached=4 in_audio=80 out_text=9 provider"},
	{"subtitles", DIALECT_OPENAI_TRANSCRIPTIONS, EXTRACT_OPAQUE, "",
	 "1\n00:00:00,000 --> 00:00:01,000\n{'usage':{'seconds':1}}\n", "none"},

	/* openai.speech */
	{"speech is sound: the request's characters", DIALECT_OPENAI_SPEECH, EXTRACT_OPAQUE, "",
	 "ID3\x04{'usage':{'input_tokens':1}}", "chars=7 provider"},
	{"speech stream by tokens", DIALECT_OPENAI_SPEECH, EXTRACT_SSE, "",
	 "data: {'type':'speech.audio.delta','audio':'AAAA'}\n\ndata: "
	 "{'type':'speech.audio.done','usage':{'input_tokens':14,'output_tokens':101,'total_tokens'"
	 ":115}}\n\n",
	 "in_text_uncached=14 out_audio=101 provider"},

	/* gemini */
	{"gemini stream: each chunk is a snapshot", DIALECT_GEMINI_GENERATE, EXTRACT_SSE, "",
	 "data: "
	 "{'candidates':[{'content':{'parts':[{'text':'a'}]}}],'usageMetadata':{'promptTokenCount':"
	 "900,'candidatesTokenCount':7,'totalTokenCount':907},'modelVersion':'g'}\n\n"
	 "data: "
	 "{'candidates':[{'content':{'parts':[{'text':'b'}]}}],'usageMetadata':{'promptTokenCount':"
	 "900,'candidatesTokenCount':15,'totalTokenCount':915},'modelVersion':'g'}\n\n"
	 "data: "
	 "{'candidates':[{'content':{'parts':[{'text':'c'}]},'finishReason':'STOP'}],'"
	 "usageMetadata':{'promptTokenCount':900,'cachedContentTokenCount':512,"
	 "'candidatesTokenCount':40,'thoughtsTokenCount':210,'totalTokenCount':1150,'trafficType':'"
	 "ON_DEMAND_FLEX'},'modelVersion':'g-3-pro'}\n\n",
	 "in_text_uncached=388 in_cache_read=512 out_text=40 out_reasoning=210 model=g-3-pro "
	 "tier=flex provider"},
	{"gemini array: the same chunks as elements", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 " [{'candidates':[{'content':{'parts':[{'text':'a'}]}}],'usageMetadata':{'"
	 "promptTokenCount':900,'candidatesTokenCount':7,'totalTokenCount':907},'modelVersion':'g'}"
	 "\n,\r\n"
	 "{'candidates':[{'finishReason':'STOP'}],'usageMetadata':{'promptTokenCount':900,'"
	 "cachedContentTokenCount':512,"
	 "'candidatesTokenCount':40,'thoughtsTokenCount':210,'totalTokenCount':1150},'modelVersion'"
	 ":'g-3-pro'}]",
	 "in_text_uncached=388 in_cache_read=512 out_text=40 out_reasoning=210 model=g-3-pro "
	 "provider"},
	{"gemini: kinds of tokens, cached ones subtracted once", DIALECT_GEMINI_GENERATE,
	 EXTRACT_JSON, "",
	 "{'usageMetadata':{'promptTokenCount':1000,'cachedContentTokenCount':300,'"
	 "candidatesTokenCount':60,'totalTokenCount':1060,"
	 "'promptTokensDetails':[{'modality':'TEXT','tokenCount':200},{'tokenCount':500,'modality':"
	 "'IMAGE'},{'modality':'DOCUMENT','tokenCount':100},"
	 "{'modality':'AUDIO','tokenCount':150},{'modality':'VIDEO','tokenCount':50}],"
	 "'cacheTokensDetails':[{'modality':'IMAGE','tokenCount':250},{'modality':'AUDIO','"
	 "tokenCount':50}],"
	 "'candidatesTokensDetails':[{'modality':'IMAGE','tokenCount':45},{'modality':'TEXT','"
	 "tokenCount':15}]}}",
	 "in_text_uncached=200 in_cache_read=300 in_audio=100 in_image=350 in_video=50 out_text=15 "
	 "out_image=45 provider"},
	{"gemini: a list replaces the list before", DIALECT_GEMINI_GENERATE, EXTRACT_SSE, "",
	 "data: "
	 "{'usageMetadata':{'promptTokenCount':90,'candidatesTokenCount':1,'promptTokensDetails':[{"
	 "'modality':'IMAGE','tokenCount':80}]}}\n\n"
	 "data: "
	 "{'usageMetadata':{'promptTokenCount':90,'candidatesTokenCount':2,'promptTokensDetails':[{"
	 "'modality':'IMAGE','tokenCount':30},{'modality':'AUDIO','tokenCount':20}]}}\n\n",
	 "in_text_uncached=40 in_audio=20 in_image=30 out_text=2 provider"},
	{"gemini: the prompt of its tools, and its searches", DIALECT_GEMINI_GENERATE, EXTRACT_JSON,
	 "",
	 "{'candidates':[{'groundingMetadata':{'webSearchQueries':['a','b']}}],'usageMetadata':{'"
	 "promptTokenCount':10,'candidatesTokenCount':5,"
	 "'toolUsePromptTokenCount':70,'thoughtsTokenCount':3,'totalTokenCount':88}}",
	 "in_text_uncached=10 in_tool=70 out_text=5 out_reasoning=3 searches=2 provider"},
	{"gemini stream: searches told twice are not made twice", DIALECT_GEMINI_GENERATE,
	 EXTRACT_SSE, "",
	 "data: "
	 "{'candidates':[{'groundingMetadata':{'webSearchQueries':['a','b']}}],'usageMetadata':{'"
	 "promptTokenCount':10}}\n\n"
	 "data: "
	 "{'candidates':[{'groundingMetadata':{'webSearchQueries':['a','b']}}],'usageMetadata':{'"
	 "promptTokenCount':10,'candidatesTokenCount':2}}\n\n"
	 "data: "
	 "{'candidates':[{'finishReason':'STOP'}],'usageMetadata':{'promptTokenCount':10,'"
	 "candidatesTokenCount':4}}\n\n",
	 "in_text_uncached=10 out_text=4 searches=2 provider"},
	{"gemini: all thought, nothing said", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 "{'usageMetadata':{'promptTokenCount':10,'thoughtsTokenCount':50,'totalTokenCount':60}}",
	 "in_text_uncached=10 out_reasoning=50 provider"},
	{"gemini: more cached than there was", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 "{'usageMetadata':{'promptTokenCount':10,'cachedContentTokenCount':11,'"
	 "candidatesTokenCount':1}}",
	 "in_text_uncached=10 out_text=1 provider usage_inconsistent"},
	{"gemini: a wrong total is told", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 "{'usageMetadata':{'promptTokenCount':10,'candidatesTokenCount':1,'totalTokenCount':12}}",
	 "in_text_uncached=10 out_text=1 provider usage_total_mismatch"},
	{"gemini: text that looks like usage", DIALECT_GEMINI_GENERATE, EXTRACT_JSON, "",
	 "{'candidates':[{'content':{'parts':[{'functionCall':{'args':{'usageMetadata':{'"
	 "promptTokenCount':1}}}}]},'usageMetadata':{'promptTokenCount':2}}],"
	 "'x':[{'usageMetadata':{'promptTokenCount':3}}]}",
	 "none"},
	{"gemini count_tokens is free", DIALECT_GEMINI_COUNT_TOKENS, EXTRACT_JSON, "",
	 "{'totalTokens':31}", "provider"},

	/* cohere */
	{"cohere: billed units, decimals", DIALECT_COHERE_CHAT, EXTRACT_JSON, "",
	 "{'message':{'content':[{'type':'text','text':'x'}]},'usage':{'billed_units':{'input_"
	 "tokens':25.0,'output_tokens':3.0,'search_units':1},"
	 "'tokens':{'input_tokens':1225.0,'output_tokens':5.0}}}",
	 "in_text_uncached=25 out_text=3 searches=1 provider"},
	{"cohere: a fraction of a token", DIALECT_COHERE_CHAT, EXTRACT_JSON, "",
	 "{'usage':{'billed_units':{'input_tokens':25.5,'output_tokens':3.0}}}",
	 "out_text=3 provider usage_unreadable"},
	{"cohere stream", DIALECT_COHERE_CHAT, EXTRACT_SSE, "",
	 "event: content-delta\ndata: "
	 "{'type':'content-delta','index':0,'delta':{'message':{'content':{'text':'x'}}}}\n\n"
	 "event: message-end\ndata: "
	 "{'type':'message-end','delta':{'finish_reason':'COMPLETE','usage':{'billed_units':{'"
	 "input_tokens':25,'output_tokens':3},'tokens':{'input_tokens':1225}}}}\n\n",
	 "in_text_uncached=25 out_text=3 provider"},
	{"cohere v1", DIALECT_COHERE_CHAT, EXTRACT_JSON, "",
	 "{'text':'x','meta':{'api_version':{'version':'1'},'billed_units':{'input_tokens':25,'"
	 "output_tokens':3},'tokens':{'input_tokens':99}}}",
	 "in_text_uncached=25 out_text=3 provider"},
	{"cohere v1 stream of lines", DIALECT_COHERE_CHAT, EXTRACT_LINES, "",
	 "{'is_finished':false,'event_type':'text-generation','text':'x'}\n"
	 "{'is_finished':true,'event_type':'stream-end','response':{'text':'x','meta':{'billed_"
	 "units':{'input_tokens':25,'output_tokens':3}}}}\n",
	 "in_text_uncached=25 out_text=3 provider"},
	{"cohere embed: images beside the text", DIALECT_COHERE_EMBED, EXTRACT_JSON, "",
	 "{'embeddings':{'float':[[0.1]]},'meta':{'billed_units':{'input_tokens':3,'image_tokens':"
	 "258,'images':1}}}",
	 "in_text_uncached=3 in_image=258 provider"},
	{"cohere embed: images by the piece", DIALECT_COHERE_EMBED, EXTRACT_JSON, "",
	 "{'meta':{'billed_units':{'images':2}}}", "images=2 provider"},
	{"cohere rerank", DIALECT_COHERE_RERANK, EXTRACT_JSON, "",
	 "{'results':[{'index':0,'relevance_score':0.9}],'meta':{'billed_units':{'search_units':1."
	 "0}}}",
	 "searches=1 provider"},

	/* ollama */
	{"ollama lines", DIALECT_OLLAMA_CHAT, EXTRACT_LINES, "",
	 "{'model':'m','message':{'content':'a'},'done':false}\n{'model':'m','message':{'content':'"
	 "b'},'done':false}\r\n\n"
	 "{'model':'m','message':{'content':''},'done':true,'done_reason':'stop','prompt_eval_"
	 "count':26,'eval_count':259,'eval_duration':4232710000}\n",
	 "in_text_uncached=26 out_text=259 model=m provider"},
	{"ollama unary", DIALECT_OLLAMA_CHAT, EXTRACT_JSON, "",
	 "{'model':'m','message':{'content':'a'},'done':true,'prompt_eval_count':26,'eval_count':"
	 "259}",
	 "in_text_uncached=26 out_text=259 model=m provider"},
	{"ollama: the prompt was known, the last line has no end", DIALECT_OLLAMA_GENERATE,
	 EXTRACT_LINES, "",
	 "{'model':'m','response':'a','done':false}\n{'model':'m','response':'','done':true,'eval_"
	 "count':2}",
	 "out_text=2 model=m provider"},
	{"ollama: a line that is no JSON", DIALECT_OLLAMA_CHAT, EXTRACT_LINES, "",
	 "oops\n{'done':true,'prompt_eval_count':1,'eval_count':2}\n",
	 "in_text_uncached=1 out_text=2 provider usage_unreadable"},
	{"ollama embed", DIALECT_OLLAMA_EMBED, EXTRACT_JSON, "",
	 "{'model':'e','embeddings':[[0.1]],'prompt_eval_count':8}",
	 "in_text_uncached=8 model=e provider"},

	/* self-hosted */
	{"sglang", DIALECT_SGLANG_GENERATE, EXTRACT_JSON, "",
	 "{'text':'x','meta_info':{'prompt_tokens':20,'completion_tokens':9,'cached_tokens':16,'"
	 "finish_reason':{'type':'stop'}}}",
	 "in_text_uncached=4 in_cache_read=16 out_text=9 provider"},
	{"sglang stream: running counts", DIALECT_SGLANG_GENERATE, EXTRACT_SSE, "",
	 "data: "
	 "{'text':'x','meta_info':{'prompt_tokens':20,'completion_tokens':1,'cached_tokens':16,'"
	 "finish_reason':null}}\n\n"
	 "data: "
	 "{'text':'xy','meta_info':{'prompt_tokens':20,'completion_tokens':9,'cached_tokens':16,'"
	 "finish_reason':{'type':'stop'}}}\n\ndata: [DONE]\n\n",
	 "in_text_uncached=4 in_cache_read=16 out_text=9 provider"},
	{"tgi stream: the last event", DIALECT_TGI_GENERATE, EXTRACT_SSE, "",
	 "data:{'index':1,'token':{'text':'x'},'generated_text':null,'details':null}\n\n"
	 "data:{'index':2,'token':{'text':'y'},'generated_text':'xy','details':{'finish_reason':'"
	 "length','generated_tokens':2,'input_length':5}}\n\n",
	 "in_text_uncached=5 out_text=2 provider"},
	{"llama.cpp: the cache is a part of the prompt", DIALECT_LLAMACPP_COMPLETION, EXTRACT_JSON,
	 "",
	 "{'content':'x','stop':true,'model':'l','tokens_predicted':12,'tokens_evaluated':40,'"
	 "tokens_cached':51,'timings':{'cache_n':30,'prompt_n':10,'prompt_ms':1.5}}",
	 "in_text_uncached=10 in_cache_read=30 out_text=12 model=l provider"},
	{"llama.cpp stream", DIALECT_LLAMACPP_COMPLETION, EXTRACT_SSE, "",
	 "data: {'content':'x','stop':false,'tokens_predicted':1,'tokens_evaluated':40}\n\n: "
	 "ping\n\n"
	 "data: "
	 "{'content':'','stop':true,'model':'l','tokens_predicted':12,'tokens_evaluated':40,'"
	 "tokens_cached':51}\n\n",
	 "in_text_uncached=40 out_text=12 model=l provider"},

	/* anthropic: where and how fast */
	{"messages: place and speed", DIALECT_ANTHROPIC_MESSAGES, EXTRACT_JSON, "",
	 "{'usage':{'input_tokens':1,'output_tokens':2,'inference_geo':'us','speed':'fast','"
	 "service_tier':'standard'}}",
	 "in_text_uncached=1 out_text=2 tier=fast geo=us provider"},
	{"messages: anywhere is no place", DIALECT_ANTHROPIC_MESSAGES, EXTRACT_JSON, "",
	 "{'usage':{'input_tokens':1,'output_tokens':2,'inference_geo':'global','speed':'standard',"
	 "'service_tier':'priority'}}",
	 "in_text_uncached=1 out_text=2 tier=priority provider"},
	{"messages: an explicit 0 is a count", DIALECT_ANTHROPIC_MESSAGES, EXTRACT_SSE, "",
	 "data: "
	 "{'type':'message_start','message':{'usage':{'input_tokens':900,'output_tokens':1}}}\n\n"
	 "data: "
	 "{'type':'message_delta','usage':{'input_tokens':0,'cache_read_input_tokens':880,'output_"
	 "tokens':12}}\n\n"
	 "data: {'type':'message_stop'}\n\n",
	 "in_cache_read=880 out_text=12 provider"},
};

static struct str quoted(const char *text, char *out, size_t cap)
{
	size_t len = strlen(text);

	assert_true(len < cap);
	for (size_t i = 0; i < len; i++)
		out[i] = text[i] == '\'' ? '"' : text[i];
	return str_make(out, len);
}

static void describe(const struct usage *u, struct buf *out)
{
	enum err err = OK;

	for (unsigned i = 0; i < METER_COUNT && err == OK; i++) {
		if (u->counts[i] != 0)
			err = buf_printf(out, "%s=%ld ", meter_name((enum meter)i), u->counts[i]);
	}
	assert_int_equal(err, OK);
	if (u->model_len > 0)
		err = buf_printf(out, "model=" STR_FMT " ", STR_ARG(usage_model(u)));
	if (u->tier_len > 0 && err == OK)
		err = buf_printf(out, "tier=" STR_FMT " ", STR_ARG(usage_tier(u)));
	if (u->geo_len > 0 && err == OK)
		err = buf_printf(out, "geo=" STR_FMT " ", STR_ARG(usage_geo(u)));
	assert_int_equal(err, OK);
	assert_int_equal(buf_printf(out, "%s", usage_source_name(u->source)), OK);
	for (unsigned f = 1; f < USAGE_FLAGS_END; f <<= 1) {
		if ((u->flags & f) != 0)
			err = buf_printf(out, " %s", usage_flag_name((enum usage_flag)f));
	}
	assert_int_equal(err, OK);
	assert_int_equal(buf_append_byte(out, '\0'), OK);
}

/* Pieces: [0,first), then step bytes at a time, each in its own block for ASan's eyes. */
static void read_pieces(const struct dialects *dialects, const struct row *row, struct str in,
			size_t first, size_t step, struct usage *out)
{
	struct extract *x = malloc(sizeof(*x));
	size_t len = first;

	extract_init(x, dialects, row->dialect, row->format);
	extract_set_provider(x, str_from_c(row->provider));
	while (in.len > 0) {
		char *piece;

		len = MIN(len, in.len);
		piece = malloc(len);
		memcpy(piece, in.ptr, len);
		extract_feed(x, str_make(piece, len));
		free(piece);
		in = str_sub(in, len, in.len);
		len = step;
	}
	extract_finish(x, UNITS, out);
	free(x);
}

static void assert_row(const struct dialects *dialects, const struct row *row, struct str in,
		       size_t first, size_t step)
{
	struct usage usage;
	struct buf buf;

	buf_init(&buf, 4096);
	read_pieces(dialects, row, in, first, step, &usage);
	describe(&usage, &buf);
	assert_string_equal(buf.ptr, row->want);
	buf_fini(&buf);
}

static void test_dialect__golden_vectors_at_every_split(void **state)
{
	struct dialects *dialects = dialects_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[4096];
		struct str in = quoted(rows[i].in, text, sizeof(text));

		print_message("# %s\n", rows[i].name);
		for (size_t at = 1; at <= in.len; at++)
			assert_row(dialects, &rows[i], in, at, in.len);
		assert_row(dialects, &rows[i], in, 1, 1);
	}
	dialects_free(dialects);
}

/* What was cut off never makes the rest larger than the whole. */
static void test_dialect__cut_anywhere_is_never_more_than_the_whole(void **state)
{
	struct dialects *dialects = dialects_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[4096];
		struct str in = quoted(rows[i].in, text, sizeof(text));
		struct usage whole, part;

		/* An earlier block of these says more than the last. */
		if (strstr(rows[i].name, "explicit 0") != NULL)
			continue;
		print_message("# %s\n", rows[i].name);
		read_pieces(dialects, &rows[i], in, in.len, 1, &whole);
		for (size_t at = 0; at < in.len; at++) {
			read_pieces(dialects, &rows[i], str_sub(in, 0, at), at, 1, &part);
			assert_true(usage_output(&part) <= usage_output(&whole));
			assert_true(usage_input(&part) <= usage_input(&whole));
		}
	}
	dialects_free(dialects);
}

/* maximhq/bifrost#3451, BerriAI/litellm#37923: what a stream says is what a body says. */
static void test_dialect__unary_equals_stream(void **state)
{
	static const char block[] =
		"{'promptTokenCount':900,'cachedContentTokenCount':512,'candidatesTokenCount':40,"
		"'thoughtsTokenCount':210,'totalTokenCount':1150}";
	static const char *const forms[][2] = {
		{"{'usageMetadata':", "}"},
		{"[{},{'usageMetadata':", "}]"},
		{"data: {'usageMetadata':", "}\n\n"},
	};
	struct dialects *dialects = dialects_new();
	struct usage usage[ARRAY_LEN(forms)];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct row row = {.dialect = DIALECT_GEMINI_GENERATE, .provider = ""};
		char text[1024];
		struct buf buf;

		buf_init(&buf, sizeof(text));
		row.format = i == 2 ? EXTRACT_SSE : EXTRACT_JSON;
		assert_int_equal(buf_printf(&buf, "%s%s%s", forms[i][0], block, forms[i][1]), OK);
		assert_int_equal(buf_append_byte(&buf, '\0'), OK);
		read_pieces(dialects, &row, quoted(buf.ptr, text, sizeof(text)), 11, 5, &usage[i]);
		assert_memory_equal(usage[i].counts, usage[0].counts, sizeof(usage[0].counts));
		buf_fini(&buf);
	}
	assert_int_equal(usage[0].counts[METER_IN_TEXT_UNCACHED], 388);
	dialects_free(dialects);
}

static void test_dialect__reads_counts_from_the_head(void **state)
{
	struct dialects *dialects = dialects_new();
	struct extract x;
	struct usage u;

	(void)state;
	extract_init(&x, dialects, DIALECT_TGI_GENERATE, EXTRACT_JSON);
	extract_header(&x, STR("X-Prompt-Tokens"), STR("17"));
	extract_header(&x, STR("x-generated-tokens"), STR("20"));
	extract_header(&x, STR("x-total-time"), STR("99"));
	extract_feed(&x, STR("{\"generated_text\":\"x\"}"));
	extract_finish(&x, 0, &u);
	assert_int_equal(u.counts[METER_IN_TEXT_UNCACHED], 17);
	assert_int_equal(u.counts[METER_OUT_TEXT], 20);
	assert_string_equal(usage_source_name(u.source), "header");
	/* The body's word wins. */
	extract_init(&x, dialects, DIALECT_TGI_GENERATE, EXTRACT_JSON);
	extract_header(&x, STR("x-generated-tokens"), STR("20"));
	extract_feed(&x, STR("{\"details\":{\"generated_tokens\":21}}"));
	extract_finish(&x, 0, &u);
	assert_int_equal(u.counts[METER_OUT_TEXT], 21);
	assert_string_equal(usage_source_name(u.source), "provider");
	/* A header that is no count is told, and headers of other dialects are not looked at. */
	extract_init(&x, dialects, DIALECT_TGI_GENERATE, EXTRACT_JSON);
	extract_header(&x, STR("x-prompt-tokens"), STR("-1"));
	extract_finish(&x, 0, &u);
	assert_int_equal(u.flags, USAGE_UNREADABLE);
	extract_init(&x, dialects, DIALECT_OPENAI_CHAT, EXTRACT_JSON);
	extract_header(&x, STR("x-prompt-tokens"), STR("17"));
	extract_finish(&x, 0, &u);
	assert_int_equal(u.source, USAGE_NONE);
	dialects_free(dialects);
}

static void test_dialect__tells_the_format_by_content_type(void **state)
{
	static const struct {
		enum dialect dialect;
		struct str type;
		enum extract_format want;
	} cases[] = {
		{DIALECT_OPENAI_CHAT, STR("text/event-stream; charset=utf-8"), EXTRACT_SSE},
		{DIALECT_OPENAI_CHAT, STR("application/json"), EXTRACT_JSON},
		{DIALECT_OPENAI_CHAT, STR(""), EXTRACT_JSON},
		{DIALECT_OLLAMA_CHAT, STR("application/x-ndjson"), EXTRACT_LINES},
		{DIALECT_COHERE_CHAT, STR("application/stream+json"), EXTRACT_LINES},
		{DIALECT_OPENAI_SPEECH, STR("audio/mpeg"), EXTRACT_OPAQUE},
		{DIALECT_OPENAI_SPEECH, STR("text/event-stream"), EXTRACT_SSE},
		{DIALECT_OPENAI_TRANSCRIPTIONS, STR("text/plain"), EXTRACT_OPAQUE},
		{DIALECT_OPENAI_TRANSCRIPTIONS, STR("application/json"), EXTRACT_JSON},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(extract_format_of(cases[i].dialect, cases[i].type), cases[i].want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialect__golden_vectors_at_every_split),
		cmocka_unit_test(test_dialect__cut_anywhere_is_never_more_than_the_whole),
		cmocka_unit_test(test_dialect__unary_equals_stream),
		cmocka_unit_test(test_dialect__reads_counts_from_the_head),
		cmocka_unit_test(test_dialect__tells_the_format_by_content_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
