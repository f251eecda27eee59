/* Rodas4: a stiffly accurate Rosenbrock method of order 4(3) with the exact Jacobian.
 * Coefficients: Hairer and Wanner, Solving Ordinary Differential Equations II, section IV.7. */
#include <math.h>
#include <string.h>

#include "ode.h"

#define GAMMA 0.25
static const double A[6][5] = {
    {0},
    {1.544},
    {0.9466785280815826, 0.2557011698983284},
    {3.314825187068521, 2.896124015972201, 0.9986419139977817},
    {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950},
    {1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950, 1.0},
};
static const double C[6][5] = {
    {0},
    {-5.6688},
    {-2.430093356833875, -0.2063599157091915},
    {-0.1073529058151375, -9.594562251023355, -20.47028614809616},
    {7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160},
    {8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054},
};
static const double TIME[6] = {0.0, 0.386, 0.21, 0.63, 1.0, 1.0};
static const double SLOPE[6] = {0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0};
static const double D2[5] = {10.12623508344586, -7.487995877610167, -34.80091861555747, -7.992771707568823,
                             1.025137723295662};
static const double D3[5] = {-0.6762803392806898, 6.087714651680015, 16.43084320892478, 24.76722511418386,
                             -6.594389125716872};

static int factor(double *m, int *pivots, int n) {
    for (int c = 0; c < n; c++) {
        int best = c;
        for (int r = c + 1; r < n; r++)
            if (fabs(m[r * n + c]) > fabs(m[best * n + c])) best = r;
        pivots[c] = best;
        double top = m[best * n + c];
        if (top == 0.0 || top != top) return -1;
        if (best != c)
            for (int j = 0; j < n; j++) {
                double swap = m[c * n + j];
                m[c * n + j] = m[best * n + j];
                m[best * n + j] = swap;
            }
        for (int r = c + 1; r < n; r++) {
            double l = m[r * n + c] / top;
            m[r * n + c] = l;
            if (l != 0.0)
                for (int j = c + 1; j < n; j++) m[r * n + j] -= l * m[c * n + j];
        }
    }
    return 0;
}
static void solve(const double *m, const int *pivots, double *x, int n) {
    for (int r = 0; r < n; r++) {
        double swap = x[r];
        x[r] = x[pivots[r]];
        x[pivots[r]] = swap;
    }
    for (int r = 1; r < n; r++)
        for (int j = 0; j < r; j++) x[r] -= m[r * n + j] * x[j];
    for (int r = n - 1; r >= 0; r--) {
        for (int j = r + 1; j < n; j++) x[r] -= m[r * n + j] * x[j];
        x[r] /= m[r * n + r];
    }
}

/* n x n df/dy, then df/dt, into s->jacobian */
static int jacobian(ode_solver *s) {
    const int n = s->n;
    double *r = s->jac_registers, *in = r + s->jac->constants;
    in[0] = s->t;
    memcpy(in + 1, s->y, sizeof(double) * n);
    s->njev++;
    if (s->jac->run_scalar(s->jac, r)) return ODE_CALLBACK_ERROR;
    memcpy(s->jacobian, r + s->jac->registers - s->jac->outputs, sizeof(double) * n * (n + 1));
    return 0;
}

/* the six stages with step h; y_new and the error (stage 6) follow from them */
static int stages(ode_solver *s, double h) {
    const int n = s->n;
    const double *slope_t = s->jacobian + (long)n * n;
    for (int i = 0; i < n * n; i++) s->lu[i] = -s->jacobian[i];
    for (int i = 0; i < n; i++) s->lu[i * n + i] += 1.0 / (GAMMA * h);
    s->nlu++;
    if (factor(s->lu, s->pivots, n)) return 1;
    for (int j = 0; j < 6; j++) {
        double *u = s->k + (long)j * n;
        if (j) {
            for (int i = 0; i < n; i++) {
                double sum = s->y[i];
                for (int m = 0; m < j; m++) sum += A[j][m] * s->k[(long)m * n + i];
                s->y_new[i] = sum;
            }
            if (ode_rhs(s, s->t + TIME[j] * h, s->y_new, u)) return ODE_CALLBACK_ERROR;
        } else {
            memcpy(u, s->f, sizeof(double) * n);
        }
        for (int i = 0; i < n; i++) {
            double sum = 0.0;
            for (int m = 0; m < j; m++) sum += C[j][m] * s->k[(long)m * n + i];
            u[i] += sum / h + h * SLOPE[j] * slope_t[i];
        }
        solve(s->lu, s->pivots, u, n);
    }
    for (int i = 0; i < n; i++) s->y_new[i] += s->k[5L * n + i];
    return 0;
}

static void dense(ode_solver *s) {
    const int n = s->n;
    for (int i = 0; i < n; i++) {
        double c2 = 0.0, c3 = 0.0, delta = s->y_new[i] - s->y[i], *q = s->dense + (long)i * MAX_DENSE;
        for (int j = 0; j < 5; j++) {
            c2 += D2[j] * s->k[(long)j * n + i];
            c3 += D3[j] * s->k[(long)j * n + i];
        }
        /* y + x(delta + (1-x)(c2 + x c3)) */
        q[0] = delta + c2;
        q[1] = c3 - c2;
        q[2] = -c3;
        for (int m = 3; m < MAX_DENSE; m++) q[m] = 0.0;
    }
}

int ode_step_rodas(ode_solver *s) {
    const int n = s->n;
    double least = ode_min_step(s), size = fmin(fmax(s->h, least), s->max_step);
    s->rejected = 0;
    if (jacobian(s)) return ODE_CALLBACK_ERROR;
    for (;;) {
        if (size < least) return ODE_STEP_TOO_SMALL;
        double t_new = s->t + size * s->direction;
        if (s->direction * (t_new - s->t_end) > 0.0) t_new = s->t_end;
        double h = t_new - s->t, sum = 0.0;
        size = fabs(h);
        int status = stages(s, h);
        if (status < 0) return status;
        for (int i = 0; i < n && !status; i++) {
            double e = s->k[5L * n + i] / (s->atol[i] + s->rtol * fmax(fabs(s->y[i]), fabs(s->y_new[i])));
            sum += e * e;
        }
        double error = status ? INFINITY : sqrt(sum / n);
        double shrink = error == error ? fmax(1.0 / 6.0, fmin(5.0, sqrt(sqrt(error)) / 0.9)) : 5.0;
        if (error < 1.0) {
            if (s->rejected) shrink = fmax(1.0, shrink);
            dense(s);
            s->has_dense = 1;
            s->t_old = s->t;
            s->t = t_new;
            s->h = size / shrink;
            memcpy(s->y_old, s->y, sizeof(double) * n);
            memcpy(s->y, s->y_new, sizeof(double) * n);
            return ode_rhs(s, s->t, s->y, s->f);
        }
        size /= shrink;
        s->rejected = 1;
    }
}
