/* The loop over steps: output at given times, events, dense output, pauses for the caller. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ode.h"

int rows_add(rows *r, const double *head, int head_count, const double *tail, int tail_count) {
    if (r->size == r->capacity) {
        long capacity = r->capacity ? 2 * r->capacity : 64;
        double *data = realloc(r->data, sizeof(double) * capacity * r->width);
        if (!data) return ODE_NO_MEMORY;
        r->data = data;
        r->capacity = capacity;
    }
    double *row = r->data + r->size++ * r->width;
    memcpy(row, head, sizeof(double) * head_count);
    memcpy(row + head_count, tail, sizeof(double) * tail_count);
    return 0;
}

static void interpolate(const ode_solver *s, double t, double *y) {
    double x = (t - s->t_old) / (s->t - s->t_old);
    for (int i = 0; i < s->n; i++) {
        const double *q = s->dense + (long)i * MAX_DENSE;
        double sum = q[MAX_DENSE - 1];
        for (int m = MAX_DENSE - 2; m >= 0; m--) sum = sum * x + q[m];
        y[i] = s->y_old[i] + x * sum;
    }
}
static int need_dense(ode_solver *s) {
    if (s->has_dense) return 0;
    s->has_dense = 1;
    if (s->method == METHOD_RODAS4) return 0;
    memset(s->dense, 0, sizeof(double) * s->n * MAX_DENSE);
    return ode_dense_explicit(s);
}
static int event_values(ode_solver *s, double t, const double *y, double *g) {
    double *r = s->event_registers, *in = r + s->events->constants;
    in[0] = t;
    memcpy(in + 1, y, sizeof(double) * s->n);
    if (s->events->run_scalar(s->events, r)) return ODE_CALLBACK_ERROR;
    memcpy(g, r + s->events->registers - s->event_count, sizeof(double) * s->event_count);
    return 0;
}

/* Time in the last step at which event e vanishes; regula falsi with the Illinois rule and bisection */
static int locate(ode_solver *s, int e, double *time) {
    double *g = s->work + 2L * s->n, *y = s->work;
    double a = s->t_old, b = s->t, ga = s->event_old[e], gb = s->event_new[e];
    for (int i = 0; i < 200 && ga != 0.0 && gb != 0.0; i++) {
        if (fabs(b - a) <= 4.0 * 2.220446049250313e-16 * fmax(fabs(a), fabs(b))) break;
        double m = i % 3 == 2 ? 0.5 * (a + b) : (a * gb - b * ga) / (gb - ga);
        if (!((m - a) * (m - b) < 0.0)) m = 0.5 * (a + b);
        interpolate(s, m, y);
        if (event_values(s, m, y, g)) return ODE_CALLBACK_ERROR;
        if ((g[e] > 0.0) == (gb > 0.0) && g[e] != 0.0) {
            b = m;
            gb = g[e];
            ga *= 0.5;
        } else {
            a = m;
            ga = g[e];
            gb *= 0.5;
        }
    }
    *time = ga == 0.0 ? a : b;
    return 0;
}

/* Events of the last step in order of time; a terminal one cuts the step there. */
static int find_events(ode_solver *s) {
    const int count = s->event_count;
    if (event_values(s, s->t, s->y, s->event_new)) return ODE_CALLBACK_ERROR;
    double *times = s->work + 2L * s->n + count;
    int any = 0, stop = 0;
    for (int e = 0; e < count; e++) {
        double g0 = s->event_old[e], g1 = s->event_new[e];
        int up = g0 <= 0.0 && g1 >= 0.0, down = g0 >= 0.0 && g1 <= 0.0, d = s->event_direction[e];
        times[e] = NAN;
        if (!(d > 0 ? up : d < 0 ? down : up || down)) continue;
        any = 1;
        int status = need_dense(s);
        if (!status) status = locate(s, e, &times[e]);
        if (status) return status;
    }
    while (any && !stop) {
        int first = -1;
        for (int e = 0; e < count; e++)
            if (times[e] == times[e] && (first < 0 || s->direction * (times[e] - times[first]) < 0.0)) first = e;
        if (first < 0) break;
        double *row = s->work, when = times[first];
        row[0] = first;
        row[1] = when;
        double *y = s->work + 2;
        interpolate(s, when, y);
        if (when == s->t) memcpy(y, s->y, sizeof(double) * s->n);
        if (rows_add(&s->found, row, 2, y, s->n)) return ODE_NO_MEMORY;
        times[first] = NAN;
        s->event_seen[first]++;
        stop = s->event_terminal[first] && s->event_seen[first] >= s->event_terminal[first];
        if (stop) {
            s->t_event = when;
            memcpy(s->y_new, y, sizeof(double) * s->n);
        }
    }
    memcpy(s->event_old, s->event_new, sizeof(double) * count);
    return stop ? ODE_EVENT : ODE_DONE;
}

static int record(ode_solver *s, double t_now, const double *y_now) {
    int status;
    if (s->t_eval) {
        while (s->t_eval_next < s->t_eval_count && s->direction * (s->t_eval[s->t_eval_next] - t_now) <= 0.0) {
            double t = s->t_eval[s->t_eval_next++];
            if ((status = need_dense(s))) return status;
            interpolate(s, t, s->work);
            if (rows_add(&s->evaluated, &t, 1, s->work, s->n)) return ODE_NO_MEMORY;
        }
    }
    if (s->keep_steps && rows_add(&s->steps, &t_now, 1, y_now, s->n)) return ODE_NO_MEMORY;
    if (s->keep_dense) {
        if ((status = need_dense(s))) return status;
        double head[2] = {s->t_old, s->t};
        if (rows_add(&s->dense_store, head, 2, s->y_old, s->n)) return ODE_NO_MEMORY;
        double *row = s->dense_store.data + (s->dense_store.size - 1) * s->dense_store.width;
        memcpy(row + 2 + s->n, s->dense, sizeof(double) * s->n * MAX_DENSE);
    }
    return 0;
}

int ode_run(ode_solver *s, long step_limit) {
    for (long i = 0; i < step_limit; i++) {
        if (s->direction * (s->t - s->t_end) >= 0.0) return ODE_DONE;
        int step = s->method == METHOD_RODAS4 ? ode_step_rodas(s) : ode_step_explicit(s);
        if (step != ODE_DONE && step != ODE_STIFF) return step;
        int status = s->event_count ? find_events(s) : ODE_DONE;
        if (status < 0 || status == ODE_NO_MEMORY) return status;
        int recorded = status == ODE_EVENT ? record(s, s->t_event, s->y_new) : record(s, s->t, s->y);
        if (recorded) return recorded;
        if (status == ODE_EVENT) {
            s->t = s->t_event;
            memcpy(s->y, s->y_new, sizeof(double) * s->n);
            return ODE_EVENT;
        }
        if (step == ODE_STIFF) return ODE_STIFF;
    }
    return s->direction * (s->t - s->t_end) >= 0.0 ? ODE_DONE : ODE_PAUSE;
}
