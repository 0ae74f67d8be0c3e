/* The reference work of law.py in C: the algorithm of in_numba.py, block by block. Constants come in by -D from law.py. */

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024
#define NOT_APPLYING ((uint64_t)BUCKETS << 24)

typedef struct {
    float real[10][BLOCK], s0[BLOCK], s1[BLOCK], s2[BLOCK], z[3][BLOCK], peer[BLOCK], care[BLOCK];
    int32_t reached[BLOCK], years[BLOCK], fixed[BLOCK];
    uint32_t word[7][BLOCK];
} Block;

enum { INCOME, MOTHER_, TRAIT_, FAMILY_, BEHAVIOUR_, HEALTH_, LANGUAGE_, FEMALE_, LIABILITY_, DISTANCE_ };

static inline void philox(uint32_t row, uint32_t half, uint32_t age, uint32_t k0, uint32_t k1, uint32_t *out) {
    uint32_t c0 = row, c1 = 0, c2 = half, c3 = age;
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

static inline float uniform(uint32_t word) { return ((float)(int32_t)(word >> 9) + 0.5f) * 0x1p-23f; }

static inline float logarithm(float value) {
    int32_t bits;
    memcpy(&bits, &value, 4);
    float shift = (float)(126 - (bits >> 23));
    bits = (bits & 0x007FFFFF) | 0x3F000000;
    memcpy(&value, &bits, 4);
    int small = value < 0.7071067811865476f;
    value = small ? value * 2.0f : value;
    shift = small ? shift + 1.0f : shift;
    float s = (value - 1.0f) / (value + 1.0f), q = s * s;
    float series = 1.0f + q * ((float)(1.0 / 3) + q * ((float)(1.0 / 5) + q * ((float)(1.0 / 7) + q * (float)(1.0 / 9))));
    return 2.0f * s * series - shift * 0.6931471805599453f;
}

static inline float exponential(float value) {
    value = value < 20.0f ? value : 20.0f;
    value = value > -20.0f ? value : -20.0f;
    float whole = floorf(value * 1.4426950408889634f + 0.5f);
    float r = (value - whole * 0.693359375f) - whole * -2.12194440e-4f;
    float series = (float)(1.0 / 120) + r * ((float)(1.0 / 720) + r * (float)(1.0 / 5040));
    series = 1.0f + r * (1.0f + r * (0.5f + r * ((float)(1.0 / 6) + r * ((float)(1.0 / 24) + r * series))));
    int32_t bits = ((int32_t)whole + 127) << 23;
    float power;
    memcpy(&power, &bits, 4);
    return series * power;
}

static inline float standard_normal(float u) {
    float x = 2.0f * u - 1.0f, w = -logarithm(4.0f * u * (1.0f - u)), v = w - 2.5f;
    float p = 3.43273939e-07f + 2.81022636e-08f * v;
    p = -3.5233877e-06f + p * v;
    p = -4.39150654e-06f + p * v;
    p = 0.00021858087f + p * v;
    p = -0.00125372503f + p * v;
    p = -0.00417768164f + p * v;
    p = 0.246640727f + p * v;
    p = 1.50140941f + p * v;
    v = sqrtf(w > 1.0f ? w : 1.0f) - 3.0f;
    float q = 0.000100950558f + -0.000200214257f * v;
    q = 0.00134934322f + q * v;
    q = -0.00367342844f + q * v;
    q = 0.00573950773f + q * v;
    q = -0.0076224613f + q * v;
    q = 0.00943887047f + q * v;
    q = 1.00167406f + q * v;
    q = 2.83297682f + q * v;
    return 1.4142135623730951f * ((w < 5.0f ? p : q) * x);
}

static inline int happens(float u, float odds) { return u * (1.0f + exponential(-odds)) < 1.0f; }

static void draw(Block *b, uint32_t first, int n, uint32_t age, uint32_t k0, uint32_t k1) {
    for (int i = 0; i < n; i++) {
        uint32_t w[4], v[4];
        philox(first + i, 1, age, k0, k1, w);
        philox(first + i, 2, age, k0, k1, v);
        b->word[0][i] = w[0], b->word[1][i] = w[1], b->word[2][i] = w[2], b->word[3][i] = w[3];
        b->word[4][i] = v[0], b->word[5][i] = v[1], b->word[6][i] = v[2];
    }
    for (int at = 0; at < 3; at++)
        for (int i = 0; i < n; i++) b->z[at][i] = standard_normal(uniform(b->word[at][i]));
}

static void classmates(Block *b, int n) {
    for (int i = 0; i < n; i++) b->fixed[i] = (int32_t)floorf(b->s0[i] * 0x1p16f + 0.5f);
    for (int first = 0; first < n; first += CLASS) {
        int32_t total = 0;
        for (int i = first; i < first + CLASS; i++) total += b->fixed[i];
        for (int i = first; i < first + CLASS; i++)
            b->peer[i] = (float)(total - b->fixed[i]) * (float)(0x1p-16 / (CLASS - 1));
    }
}

static void year(Block *b, int n) {
    for (int i = 0; i < n; i++) {
        float s0 = b->s0[i], s1 = b->s1[i], s2 = b->s2[i];
        float push = TRAIT * b->real[TRAIT_][i] + FAMILY * b->real[FAMILY_][i];
        b->s0[i] = PERSIST0 * s0 + push + PEER * b->peer[i] + b->care[i] + SPREAD0 * b->z[0][i];
        b->s1[i] = PERSIST1 * s1 + FROM_FIRST * s0 + MOTHER * b->real[MOTHER_][i] + SPREAD1 * b->z[1][i];
        float home = BEHAVIOUR * b->real[BEHAVIOUR_][i];
        b->s2[i] = PERSIST2 * s2 + home + HEALTH * b->real[HEALTH_][i] + SPREAD2 * b->z[2][i];
    }
    for (int i = 0; i < n; i++) {
        float s2 = b->s2[i], income = b->real[INCOME][i];
        float absent = ABSENT0 + ABSENT1 * income + ABSENT2 * s2 + ABSENT3 * b->real[HEALTH_][i];
        float suspended =
            SUSPENDED0 + SUSPENDED1 * b->real[BEHAVIOUR_][i] + SUSPENDED2 * s2 + SUSPENDED3 * b->real[FEMALE_][i];
        float moved = MOVED0 + MOVED1 * income + MOVED2 * b->real[LANGUAGE_][i] + MOVED3 * b->real[DISTANCE_][i];
        int32_t away = happens(uniform(b->word[3][i]), absent);
        b->years[i] += away + (happens(uniform(b->word[4][i]), suspended) << 8) + (happens(uniform(b->word[5][i]), moved) << 16);
        b->s2[i] = away ? s2 - DENT : s2;
    }
}

static inline float all_skills(const Block *b, int i) { return b->s0[i] + b->s1[i] + b->s2[i]; }

static void mark(Block *b, int n, int age) {
    if (age == READY_AT)
        for (int i = 0; i < n; i++) b->reached[i] |= b->s0[i] >= READY_CUT;
    else if (age == GRADE3_AT)
        for (int i = 0; i < n; i++) b->reached[i] |= (b->s0[i] >= GRADE3_CUT) << 1;
    else if (age == GRADE8_AT)
        for (int i = 0; i < n; i++) b->reached[i] |= (b->s1[i] >= GRADE8_CUT) << 2;
    else if (age == GRADUATE_AT)
        for (int i = 0; i < n; i++) {
            float odds = GRADUATE0 + GRADUATE1 * all_skills(b, i) + GRADUATE2 * b->real[LIABILITY_][i];
            b->reached[i] |= happens(uniform(b->word[6][i]), odds) << 3;
        }
    else if (age == ENROLLED_AT)
        for (int i = 0; i < n; i++) {
            int32_t before = (b->reached[i] >> 3) & 1;
            b->reached[i] |= (happens(uniform(b->word[6][i]), ENROLLED0 + ENROLLED1 * all_skills(b, i)) & before) << 4;
        }
    else if (age == COMPLETED_AT)
        for (int i = 0; i < n; i++) {
            int32_t before = (b->reached[i] >> 4) & 1;
            b->reached[i] |= (happens(uniform(b->word[6][i]), COMPLETED0 + COMPLETED1 * all_skills(b, i)) & before) << 5;
        }
    else if (age == EMPLOYED_AT)
        for (int i = 0; i < n; i++) {
            float done = (float)((b->reached[i] >> 5) & 1);
            float odds = EMPLOYED0 + EMPLOYED1 * all_skills(b, i) + EMPLOYED2 * done;
            b->reached[i] |= happens(uniform(b->word[6][i]), odds) << 6;
        }
}

void live(int64_t start, int64_t stop, uint32_t k0, uint32_t k1, int64_t rows, const float *real, float *skills,
          const uint8_t *seated, int32_t *reached, int32_t *years) {
    Block *b = malloc(sizeof(Block));
    for (int64_t first = start; first < stop; first += BLOCK) {
        int n = stop - first < BLOCK ? (int)(stop - first) : BLOCK;
        size_t size = n * sizeof(float);
        float *mine[3] = {b->s0, b->s1, b->s2};
        for (int row = 0; row < 10; row++) memcpy(b->real[row], real + row * rows + first, size);
        for (int row = 0; row < 3; row++) memset(mine[row], 0, size);
        memset(b->reached, 0, size);
        memset(b->years, 0, size);
        for (int age = 0; age < AGES; age++) {
            draw(b, (uint32_t)first, n, age, k0, k1);
            memset(b->peer, 0, size);
            memset(b->care, 0, size);
            if (age >= FIRST_PEER && age <= LAST_PEER) classmates(b, n);
            if (age >= FIRST_ENTRY && age <= LAST_ENTRY)
                for (int i = 0; i < n; i++) b->care[i] = seated[(age - FIRST_ENTRY) * rows + first + i] ? CARE : 0.0f;
            year(b, n);
            mark(b, n, age);
        }
        for (int row = 0; row < 3; row++) memcpy(skills + row * rows + first, mine[row], size);
        memcpy(reached + first, b->reached, size);
        memcpy(years + first, b->years, size);
    }
    free(b);
}

int64_t allot(int64_t age, uint32_t k0, uint32_t k1, int64_t n, const float *income, const int32_t *provider,
              int64_t seats, uint8_t *seated, uint64_t *keys) {
    int32_t *counts = calloc(PROVIDERS * (BUCKETS + 1), sizeof(int32_t));
    int64_t last[PROVIDERS], left[PROVIDERS], first[PROVIDERS + 1], filled[PROVIDERS], taken = 0;
    seated += (age - FIRST_ENTRY) * n;
    for (int64_t i = 0; i < n; i++) {
        uint32_t w[4];
        philox((uint32_t)i, 2, (uint32_t)age, k0, k1, w);
        uint64_t priority = (income[i] >= BAND0) + (income[i] >= BAND1) + (income[i] >= BAND2);
        keys[i] = uniform(w[2]) < APPLIES ? priority << 32 | w[3] : NOT_APPLYING;
    }
    for (int64_t i = 0; i < n; i++)
        counts[provider[i] * (BUCKETS + 1) + (keys[i] >> 24)]++;
    first[0] = 0;
    for (int here = 0; here < PROVIDERS; here++) {
        int64_t room = seats, bucket = 0;
        const int32_t *waits = counts + here * (BUCKETS + 1);
        while (bucket < BUCKETS && waits[bucket] <= room) room -= waits[bucket++];
        taken += seats - room;
        last[here] = bucket, left[here] = room, filled[here] = first[here];
        first[here + 1] = first[here] + (bucket < BUCKETS ? waits[bucket] : 0);
    }
    int64_t *waiting = malloc((first[PROVIDERS] + 1) * sizeof(int64_t));
    for (int64_t i = 0; i < n; i++) {
        int64_t bucket = (int64_t)(keys[i] >> 24);
        int32_t here = provider[i];
        seated[i] = bucket < last[here];
        if (bucket == last[here] && bucket < BUCKETS) waiting[filled[here]++] = i;
    }
    for (int here = 0; here < PROVIDERS; here++)
        for (int64_t seat = 0; seat < left[here]; seat++) {
            int64_t best = -1;
            for (int64_t at = first[here]; at < first[here + 1]; at++) {
                int64_t row = waiting[at];
                if (!seated[row] && (best < 0 || keys[row] < keys[best])) best = row;
            }
            if (best >= 0) seated[best] = 1, taken++;
        }
    free(waiting);
    free(counts);
    return taken;
}

void count(int64_t n, const int32_t *group, const int32_t *reached, const int32_t *years, int64_t *totals) {
    for (int64_t i = 0; i < n; i++) {
        int64_t *row = totals + group[i] * 11;
        row[0]++;
        for (int bit = 0; bit < 7; bit++) row[1 + bit] += (reached[i] >> bit) & 1;
        for (int event = 0; event < 3; event++) row[8 + event] += (years[i] >> 8 * event) & 255;
    }
}
