/* encode.c - how weights become target conductances of redundant pairs.
 * 1. simple   2. levels   3. reduced mapping error   4. mapping with redundancy
 *
 * Yousuf et al., Nat. Commun. 16, 1250 (2025); its reference code names 3 "LEA2". Huangfu et
 * al., ASP-DAC 2017, for 4, as that code has it.
 */
#include "encode.h"
#include <math.h>

/* -- 1. simple -- */

float rebias_encode_target(double G_off, double G_on, int sign, float w)
{
    const double part = sign == 0 ? (double)w : -(double)w;
    return (float)(part > 0.0 ? G_off + part * (G_on - G_off) : G_off);
}

void rebias_encode_simple(const struct rebias_pairs *pairs)
{
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < pairs->copies[s]; k++) {
            const uint8_t *stuck = pairs->stuck[s][k];
            float *G = pairs->G[s][k];
            for (size_t i = 0; i < pairs->n; i++) {
                if (!stuck[i]) {
                    G[i] = rebias_encode_target(pairs->G_off, pairs->G_on, s, pairs->w[i]);
                }
            }
        }
    }
}

/* -- 2. levels -- */

static double level_step(const struct rebias_pairs *pairs)
{
    return (pairs->G_on - pairs->G_off) / (double)(pairs->levels - 1);
}

/* The allowed conductance nearest to G. */
static double nearest_level(const struct rebias_pairs *pairs, double G)
{
    const double step = level_step(pairs);
    const double number =
        fmin(fmax(rint((G - pairs->G_off) / step), 0.0), (double)(pairs->levels - 1));
    return pairs->G_off + number * step;
}

/* Every working device of weight i takes its sign's start value. */
static void start_apart(const struct rebias_pairs *pairs, size_t i)
{
    for (int s = 0; s < 2; s++) {
        for (size_t k = 0; k < pairs->copies[s]; k++) {
            if (!pairs->stuck[s][k][i]) {
                pairs->G[s][k][i] = (float)(s == 0 ? pairs->G_on : pairs->G_off);
            }
        }
    }
}

/* Sum over the copies of weight i. */
static double sum_of_copies(const struct rebias_pairs *pairs, int sign, size_t i)
{
    double sum = 0.0;
    for (size_t k = 0; k < pairs->copies[sign]; k++) {
        sum += (double)pairs->G[sign][k][i];
    }
    return sum;
}

/* -- 3. reduced mapping error -- */

/* Device (sign, k) of weight i moves to the level that brings sum[0] - sum[1] nearest to
 * `wanted`, and sum[sign] follows. Rounding of the sums must not break a tie. */
static void improve(const struct rebias_pairs *pairs, size_t i, int sign, size_t k,
                    double wanted, double sum[2])
{
    float *G = &pairs->G[sign][k][i];
    const double now = (double)*G;
    const double difference = sum[0] - sum[1];
    const double best =
        nearest_level(pairs, now + (sign == 0 ? wanted - difference : difference - wanted));
    const double moved = sign == 0 ? best - now : now - best;
    const double tie = 1e-6 * (pairs->G_on - pairs->G_off);
    if (fabs(difference + moved - wanted) < fabs(difference - wanted) - tie) {
        *G = (float)best;
        sum[sign] += (double)*G - now;
    }
}

static void reduce_error(const struct rebias_pairs *pairs, size_t i)
{
    const size_t copies = pairs->copies[0];
    const double wanted = (double)pairs->w[i] * (pairs->G_on - pairs->G_off) * (double)copies;
    double sum[2] = {sum_of_copies(pairs, 0, i), sum_of_copies(pairs, 1, i)};
    for (size_t k = 0; k < copies; k++) {
        for (int s = 0; s < 2; s++) {
            if (!pairs->stuck[s][k][i]) {
                improve(pairs, i, s, k, wanted, sum);
            }
        }
    }
}

void rebias_encode_rme(const struct rebias_pairs *pairs)
{
    rebias_encode_simple(pairs);
    for (size_t i = 0; i < pairs->n; i++) {
        reduce_error(pairs, i);
    }
}

void rebias_encode_rme_apart(const struct rebias_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        start_apart(pairs, i);
        reduce_error(pairs, i);
    }
}

/* -- 4. mapping with redundancy -- */

static void make_up(const struct rebias_pairs *pairs, size_t i)
{
    const double wanted = (double)pairs->w[i] * (pairs->G_on - pairs->G_off);
    double sum[2] = {sum_of_copies(pairs, 0, i), sum_of_copies(pairs, 1, i)};
    for (size_t k = 0; k < pairs->copies[0]; k++) {
        for (int s = 0; s < 2; s++) {
            if (!pairs->stuck[s][k][i]) {
                float *G = &pairs->G[s][k][i];
                const double now = (double)*G;
                const double missing = wanted - (sum[0] - sum[1]);
                *G = (float)nearest_level(pairs, now + (s == 0 ? missing : -missing));
                sum[s] += (double)*G - now;
            }
        }
    }
}

void rebias_encode_mao(const struct rebias_pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        start_apart(pairs, i);
        make_up(pairs, i);
    }
}
