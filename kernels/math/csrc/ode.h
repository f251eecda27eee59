/* Adaptive one-step integrators of y' = f(t, y) whose right-hand side is a register program. */
#pragma once
#include "program.h"

enum { METHOD_EXPLICIT = 0, METHOD_RODAS4 = 1 };
enum { ODE_CALLBACK_ERROR = -1, ODE_DONE = 0, ODE_EVENT = 1, ODE_STEP_TOO_SMALL = 2, ODE_STIFF = 3, ODE_PAUSE = 4,
       ODE_NO_MEMORY = 5, ODE_NOT_FINITE = 6 };
#define MAX_STAGES 16
#define MAX_DENSE 7

/* Butcher tables as SciPy publishes them (RK45.A, DOP853.A, ...), row-major with `width` columns. */
typedef struct {
    int stages, width, extra, dense, error_order;
    const double *a, *b, *c;
    const double *error5, *error3; /* error3 only for DOP853 */
    const double *p;               /* dense output: stages+1 rows of `dense` powers, or DOP853's D */
} tableau;

typedef struct {
    long size, capacity, width;
    double *data;
} rows; /* a growing matrix */

typedef struct {
    int n, method, event_count, keep_dense, keep_steps, detect_stiffness;
    double t, t_end, direction, h, max_step, rtol;
    const double *atol;
    const program *rhs, *jac, *events;
    double *rhs_registers, *jac_registers, *event_registers;
    const tableau *table;
    double *y, *f, *y_new, *f_new, *k, *work, *jacobian, *lu, *dense; /* dense: n rows of MAX_DENSE powers */
    int *pivots;
    const double *t_eval;
    long t_eval_count, t_eval_next;
    const int *event_direction, *event_terminal;
    int *event_seen;
    double *event_old, *event_new;
    double t_old, t_event; /* t_event: where a terminal event cuts the last step */
    double *y_old;
    int has_dense, rejected, stiff_count, smooth_count, have_factors;
    long nfev, njev, nlu;
    rows steps, dense_store, evaluated, found; /* found: event index, t, y */
} ode_solver;

int ode_rhs(ode_solver *s, double t, const double *y, double *dy);
int ode_first_step(ode_solver *s, int order);
int ode_step_explicit(ode_solver *s);
int ode_dense_explicit(ode_solver *s);
int ode_step_rodas(ode_solver *s);
int ode_run(ode_solver *s, long step_limit);
int rows_add(rows *r, const double *head, int head_count, const double *tail, int tail_count);
double ode_min_step(const ode_solver *s);
