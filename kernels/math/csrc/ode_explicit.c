/* Explicit Runge-Kutta steps with the step control of SciPy's RK45 and DOP853 (Hairer, Norsett, Wanner, II.4-II.6). */
#include <math.h>
#include <string.h>

#include "ode.h"

#define SAFETY 0.9
#define MIN_FACTOR 0.2
#define MAX_FACTOR 10.0

/* Systems are mostly small: a call of memcpy would cost more than the copy, and vectors would be read that have just
 * been written one number at a time, for which the processor waits. The empty statement forbids both. */
static inline void copy(double *restrict to, const double *restrict from, int n) {
    for (int i = 0; i < n; i++) {
        to[i] = from[i];
        __asm__ volatile("");
    }
}
/* where the right-hand side reads the state and leaves the derivative */
static inline double *rhs_state(const ode_solver *s) { return s->rhs_registers + s->rhs->constants + 1; }
static inline const double *rhs_result(const ode_solver *s) { return s->rhs_registers + s->rhs->registers - s->n; }

/* the right-hand side for the state that stands there already */
static inline int rhs_in_place(ode_solver *s, double t, double *dy) {
    rhs_state(s)[-1] = t;
    s->nfev++;
    if (s->rhs->run_scalar(s->rhs, s->rhs_registers)) return ODE_CALLBACK_ERROR;
    copy(dy, rhs_result(s), s->n);
    return 0;
}
int ode_rhs(ode_solver *s, double t, const double *y, double *dy) {
    copy(rhs_state(s), y, s->n);
    return rhs_in_place(s, t, dy);
}

static double scaled_norm(const ode_solver *s, const double *v, const double *reference) {
    double sum = 0.0;
    for (int i = 0; i < s->n; i++) {
        double e = v[i] / (s->atol[i] + fabs(reference[i]) * s->rtol);
        sum += e * e;
    }
    return sqrt(sum / s->n);
}

double ode_min_step(const ode_solver *s) {
    return 10.0 * fabs(nextafter(s->t, s->direction * INFINITY) - s->t);
}

int ode_first_step(ode_solver *s, int order) {
    double interval = fabs(s->t_end - s->t);
    if (interval == 0.0) return 0;
    double d0 = scaled_norm(s, s->y, s->y), d1 = scaled_norm(s, s->f, s->y);
    double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
    h0 = fmin(h0, interval);
    double *y1 = s->work, *f1 = s->work + s->n;
    for (int i = 0; i < s->n; i++) y1[i] = s->y[i] + h0 * s->direction * s->f[i];
    if (ode_rhs(s, s->t + h0 * s->direction, y1, f1)) return ODE_CALLBACK_ERROR;
    for (int i = 0; i < s->n; i++) f1[i] -= s->f[i];
    double d2 = scaled_norm(s, f1, s->y) / h0;
    double h1 = d1 <= 1e-15 && d2 <= 1e-15 ? fmax(1e-6, h0 * 1e-3) : pow(0.01 / fmax(d1, d2), 1.0 / (order + 1));
    s->h = fmin(fmin(100.0 * h0, h1), fmin(interval, s->max_step));
    return 0;
}

static inline __attribute__((always_inline)) double weighted(const double *k, long n, const double *weights, int count) {
    double even = weights[0] * k[0], odd = count > 1 ? weights[1] * k[n] : 0.0; /* two chains: half the latency */
#pragma GCC unroll 16
    for (int j = 2; j + 1 < count; j += 2) {
        even += weights[j] * k[j * n];
        odd += weights[j + 1] * k[(j + 1) * n];
    }
    if (count > 2 && count % 2) even += weights[count - 1] * k[(count - 1) * n];
    return even + odd;
}
/* out = base + h * sum of count weighted stages, the last of them read where the right-hand side left it and added at
 * the end, so that all else is done by the time it is known; the count is known to the compiler in the common cases */
static inline __attribute__((always_inline)) void combine_of(
    long n, const double *restrict k, double *restrict out, const double *restrict base, double h,
    const double *restrict weights, int count, const double *restrict newest) {
    const double top = h * weights[count - 1];
    switch (count) {
#define STAGES(c)                                                                                                    \
    for (long i = 0; i < n; i++) out[i] = base[i] + h * weighted(k + i, n, weights, (c) - 1) + top * newest[i]
#define COUNT(c) case c: STAGES(c); break;
    case 1: for (long i = 0; i < n; i++) out[i] = base[i] + top * newest[i]; break;
        COUNT(2) COUNT(3) COUNT(4) COUNT(5) COUNT(6) COUNT(7) COUNT(8) COUNT(9) COUNT(10) COUNT(11) COUNT(12)
    default: STAGES(count);
    }
}
static void combine(const ode_solver *s, double *out, const double *base, double h, const double *weights, int count,
                    const double *newest) {
    switch (s->n) { /* the size of a small system is known to the compiler too */
    case 2: combine_of(2, s->k, out, base, h, weights, count, newest); break;
    case 3: combine_of(3, s->k, out, base, h, weights, count, newest); break;
    case 4: combine_of(4, s->k, out, base, h, weights, count, newest); break;
    default: combine_of(s->n, s->k, out, base, h, weights, count, newest);
    }
}

static double error_norm(const ode_solver *s, double h) {
    const tableau *w = s->table;
    const int n = s->n;
    double sum5 = 0.0, sum3 = 0.0;
    for (int i = 0; i < n; i++) {
        double old = fabs(s->y[i]), new = fabs(s->y_new[i]);
        double scale = s->atol[i] + (old > new ? old : new) * s->rtol;
        if (!w->error3) {
            double e = weighted(s->k + i, n, w->error5, 7) / scale;
            sum5 += e * e;
            continue;
        }
        double e5 = weighted(s->k + i, n, w->error5, 13) / scale, e3 = weighted(s->k + i, n, w->error3, 13) / scale;
        sum5 += e5 * e5;
        sum3 += e3 * e3;
    }
    if (!w->error3) return fabs(h) * sqrt(sum5 / n);
    double denominator = sum5 + 0.01 * sum3;
    return denominator == 0.0 ? 0.0 : fabs(h) * sum5 / sqrt(denominator * n);
}

/* Hairer's test: the product of the step and an estimate of the dominant eigenvalue stays beyond the stability
 * region for many steps. work holds the argument of the last stage before the new point. */
static int looks_stiff(ode_solver *s, double h) {
    const int n = s->n, last = s->table->stages;
    const double *before = s->k + (long)(last - 1) * n, *after = s->k + (long)last * n;
    double top = 0.0, bottom = 0.0;
    for (int i = 0; i < n; i++) {
        double df = after[i] - before[i], dy = s->y_new[i] - s->work[i];
        top += df * df;
        bottom += dy * dy;
    }
    if (bottom > 0.0 && fabs(h) * sqrt(top / bottom) > 3.25) {
        s->smooth_count = 0;
        return ++s->stiff_count >= 15;
    }
    if (++s->smooth_count == 6) s->stiff_count = 0;
    return 0;
}

static int stages(ode_solver *s, double h) {
    const tableau *w = s->table;
    const int n = s->n;
    double *state = rhs_state(s);
    copy(s->k, s->f, n);
    for (int j = 1; j < w->stages; j++) {
        combine(s, state, s->y, h, w->a + (long)j * w->width, j, j == 1 ? s->f : rhs_result(s));
        if (s->detect_stiffness) copy(s->work, state, n);
        if (rhs_in_place(s, s->t + w->c[j] * h, s->k + (long)j * n)) return ODE_CALLBACK_ERROR;
    }
    combine(s, state, s->y, h, w->b, w->stages, rhs_result(s));
    copy(s->y_new, state, n);
    if (rhs_in_place(s, s->t + h, s->f_new)) return ODE_CALLBACK_ERROR;
    copy(s->k + (long)w->stages * n, s->f_new, n);
    return 0;
}

int ode_step_explicit(ode_solver *s) {
    const double exponent = -1.0 / (s->table->error_order + 1), least = ode_min_step(s);
    double size = fmin(fmax(s->h, least), s->max_step);
    s->rejected = 0;
    for (;;) {
        if (size < least) return ODE_STEP_TOO_SMALL;
        double t_new = s->t + size * s->direction;
        if (s->direction * (t_new - s->t_end) > 0.0) t_new = s->t_end;
        double h = t_new - s->t;
        size = fabs(h);
        if (stages(s, h)) return ODE_CALLBACK_ERROR;
        double error = error_norm(s, h);
        if (error < 1.0) {
            double factor = error == 0.0 ? MAX_FACTOR : fmin(MAX_FACTOR, SAFETY * pow(error, exponent));
            if (s->rejected) factor = fmin(1.0, factor);
            int stiff = s->detect_stiffness && looks_stiff(s, h);
            s->t_old = s->t;
            s->t = t_new;
            s->h = size * factor;
            copy(s->y_old, s->y, s->n);
            copy(s->y, s->y_new, s->n);
            copy(s->f, s->f_new, s->n);
            s->has_dense = 0;
            return stiff ? ODE_STIFF : ODE_DONE;
        }
        size *= error == error ? fmax(MIN_FACTOR, SAFETY * pow(error, exponent)) : MIN_FACTOR;
        s->rejected = 1;
    }
}

/* Dormand and Prince's interpolant of order 4, as powers of (t - t_old)/h */
static void dense_powers(ode_solver *s, double h) {
    const tableau *w = s->table;
    for (int i = 0; i < s->n; i++)
        for (int m = 0; m < w->dense; m++) {
            double sum = 0.0;
            for (int j = 0; j <= w->stages; j++) sum += w->p[j * w->dense + m] * s->k[(long)j * s->n + i];
            s->dense[(long)i * MAX_DENSE + m] = h * sum;
        }
}

/* DOP853: three more stages, then x(F0 + (1-x)(F1 + x(F2 + (1-x)(F3 + ...)))) multiplied out into powers */
static int dense_853(ode_solver *s, double h) {
    const tableau *w = s->table;
    const int n = s->n;
    for (int j = w->stages + 1; j <= w->stages + w->extra; j++) {
        combine(s, s->work, s->y_old, h, w->a + (long)j * w->width, j, s->k + (long)(j - 1) * n);
        if (ode_rhs(s, s->t_old + w->c[j] * h, s->work, s->k + (long)j * n)) return ODE_CALLBACK_ERROR;
    }
    const int count = w->stages + 1 + w->extra;
    for (int i = 0; i < n; i++) {
        double f[7], delta = s->y[i] - s->y_old[i], power[MAX_DENSE + 1] = {0};
        f[0] = delta;
        f[1] = h * s->k[i] - delta;
        f[2] = 2.0 * delta - h * (s->f[i] + s->k[i]);
        for (int m = 0; m < 4; m++) {
            double sum = 0.0;
            for (int j = 0; j < count; j++) sum += w->p[(long)m * count + j] * s->k[(long)j * n + i];
            f[3 + m] = h * sum;
        }
        for (int m = 6; m >= 0; m--) { /* multiply by x for even m, by 1 - x for odd m */
            power[0] += f[m];
            for (int q = MAX_DENSE; q > 0; q--) power[q] = m % 2 == 0 ? power[q - 1] : power[q] - power[q - 1];
            if (m % 2 == 0) power[0] = 0.0;
        }
        for (int q = 0; q < MAX_DENSE; q++) s->dense[(long)i * MAX_DENSE + q] = power[q + 1];
    }
    return 0;
}

int ode_dense_explicit(ode_solver *s) {
    double h = s->t - s->t_old;
    if (s->table->extra) return dense_853(s, h);
    dense_powers(s, h);
    return 0;
}
