/* Turns \if … \endif into jumps and follows every path through them to see where a pipeline is open. Invariant most
 * easily broken: jumps lead forward and stay inside the script, which is why every script ends. */
#include "script_internal.h"

/* Whether a pipeline is open where a path stands: one bit for each possibility, none when no path leads there. */
enum { OUTSIDE = 1, INSIDE = 2 };

typedef struct frame {
  int first;  /* the \if */
  int branch; /* the latest \if, \elif or \else of it */
  bool has_else;
  int before; /* pipeline at the \if */
  int after;  /* at the end of the branches so far */
} frame;

typedef struct flow {
  pgr__parser *p;
  frame frames[PGR_IF_DEPTH_MAX];
  int depth;
  int pipeline;
  int started; /* the latest \startpipeline */
} flow;

static void fault(flow *f, int at, const char *text) {
  pgr_faults_add(f->p->faults, &f->p->source, f->p->commands[at].at, NULL, "%s", text);
}

static bool open_if(flow *f, int at) {
  if (f->depth == PGR_IF_DEPTH_MAX) {
    pgr_faults_add(f->p->faults, &f->p->source, f->p->commands[at].at, NULL, "more than %d \\if inside each other",
                   PGR_IF_DEPTH_MAX);
    return false;
  }
  f->frames[f->depth++] = (frame){.first = at, .branch = at, .before = f->pipeline};
  return true;
}

static void next_branch(flow *f, int at, const char *name, bool is_else) {
  frame *top = f->depth > 0 ? &f->frames[f->depth - 1] : NULL;
  if (!top || top->has_else) {
    pgr_faults_add(f->p->faults, &f->p->source, f->p->commands[at].at, NULL,
                   top ? "\\%s after \\else" : "\\%s without \\if", name);
    return;
  }
  f->p->commands[top->branch].otherwise = at;
  top->branch = at;
  top->has_else = is_else;
  top->after |= f->pipeline;
  f->pipeline = top->before;
}

static void close_if(flow *f, int at) {
  pgr_command *commands = f->p->commands;
  if (f->depth == 0) {
    fault(f, at, "\\endif without \\if");
    return;
  }
  frame *top = &f->frames[--f->depth];
  commands[top->branch].otherwise = at;
  for (int i = top->first; i != at; i = commands[i].otherwise)
    commands[i].end = at;
  commands[at].otherwise = commands[at].end = at;
  f->pipeline |= top->after | (top->has_else ? 0 : top->before);
}

/* Only what is wrong on every path is told here; the interpreter sees the rest. */
static void sql(flow *f, int at) {
  const pgr_command *c = &f->p->commands[at];
  if (f->pipeline != INSIDE || c->sql.keep == PGR_KEEP_NOTHING) return;
  pgr_faults_add(f->p->faults, &f->p->source, c->at, NULL, "\\%s inside a pipeline: the answer is not there yet",
                 c->sql.keep == PGR_KEEP_GSET ? "gset" : "aset");
}

static void start_pipeline(flow *f, int at) {
  if (f->pipeline == INSIDE) fault(f, at, "\\startpipeline inside a pipeline");
  f->pipeline = INSIDE;
  f->started = at;
}

static void end_pipeline(flow *f, int at) {
  if (f->pipeline == OUTSIDE) fault(f, at, "\\endpipeline without \\startpipeline");
  f->pipeline = OUTSIDE;
}

static void refuse(flow *f, int at) {
  if (f->pipeline == INSIDE) fault(f, at, "\\refuse inside a pipeline: end it first with \\endpipeline");
  f->pipeline = 0;
}

void pgr__flow_check(pgr__parser *p) {
  flow f = {.p = p, .pipeline = OUTSIDE};
  for (int i = 0; i < p->count; i++) {
    switch (p->commands[i].kind) {
    case PGR_COMMAND_SQL: sql(&f, i); break;
    case PGR_COMMAND_IF:
      if (!open_if(&f, i)) return;
      break;
    case PGR_COMMAND_ELIF: next_branch(&f, i, "elif", false); break;
    case PGR_COMMAND_ELSE: next_branch(&f, i, "else", true); break;
    case PGR_COMMAND_ENDIF: close_if(&f, i); break;
    case PGR_COMMAND_STARTPIPELINE: start_pipeline(&f, i); break;
    case PGR_COMMAND_ENDPIPELINE: end_pipeline(&f, i); break;
    case PGR_COMMAND_REFUSE: refuse(&f, i); break;
    case PGR_COMMAND_SET:
    case PGR_COMMAND_SLEEP:
    case PGR_COMMAND_SHELL:
    case PGR_COMMAND_SETSHELL: break;
    }
  }
  while (f.depth > 0)
    fault(&f, f.frames[--f.depth].first, "\\if without \\endif");
  if (f.pipeline == INSIDE) fault(&f, f.started, "\\startpipeline without \\endpipeline");
}
