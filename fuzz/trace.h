/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events: what include/trace/events declares becomes functions that gather the
 * fields of an event as the kernel does when it is on. The input says whether it is; a
 * replay prints them.
 */
#ifndef FUZZ_TRACE_H
#define FUZZ_TRACE_H

extern bool fz_tracing;
extern bool fz_verbose;

#define TP_PROTO(args...)		args
#define TP_ARGS(args...)		args
#define TP_STRUCT__entry(args...)	args
#define TP_fast_assign(args...)		args
#define TP_printk(fmt, args...)		fmt "\n", args
#define __field(type, name)		type name;
#define __array(type, name, len)	type name[len];

#define DECLARE_EVENT_CLASS(class, proto, args, fields, assign, print)	\
static inline void fz_event_##class(const char *event, proto)		\
{									\
	struct { fields } _entry, *__entry = &_entry;			\
									\
	assign								\
	if (fz_verbose) {						\
		fprintf(stderr, "%s: ", event);				\
		fprintf(stderr, print);					\
	}								\
}

#ifdef FZ_BARE
#define DEFINE_EVENT(class, event, proto, args)				\
static inline void trace_##event(proto) { fz_trace_point(); }
#else
#define DEFINE_EVENT(class, event, proto, args)				\
static inline void trace_##event(proto)					\
{									\
	if (fz_tracing)							\
		fz_event_##class(#event, args);				\
}
#endif

#define TRACE_EVENT(event, proto, args, fields, assign, print)		\
	DECLARE_EVENT_CLASS(event, PROTO(proto), PROTO(args), PROTO(fields), PROTO(assign), \
			    PROTO(print))				\
	DEFINE_EVENT(event, event, PROTO(proto), PROTO(args))
#define PROTO(args...)			args

/* The letters are the block layer's business; that there is room for them is not. */
static inline void blk_fill_rwbs(char *rwbs, blk_opf_t opf)
{
	snprintf(rwbs, 8, "%u", opf & 0xff);
}

#endif
