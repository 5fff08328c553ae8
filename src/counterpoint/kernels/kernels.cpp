// The arithmetic of a decoder block for few rows. An auto-regressive step reads every weight and every cached key and value
// once for M = 2 rows or so, and is as fast as memory gives them. Weights are kept as float, half or int8 (with a scale
// per output), keys and values as float or half; all arithmetic is in float.
//
// Packed weights are W[N / 16][K][16]: 16 outputs side by side, so that a core reads one unbroken stream and needs no sum
// across a vector. Rows go through in tiles of at most 6, whose 12 sums and the 2 + 1 operands fill the 16 registers of
// AVX2; they share a block of K that stays in the first cache, and each tile fetches its part of the block to come, so
// that memory is never idle.

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "these kernels are written for AVX2, FMA and F16C"
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <immintrin.h>
#include <vector>

namespace {

typedef float Vector __attribute__((vector_size(32)));

constexpr int kLanes = 8;             // of a vector
constexpr int kOutputs = 2 * kLanes;  // of a column of W
constexpr int kRows = 6;              // of a tile, at most
constexpr int kBlock = 256;           // of K that is summed by itself: 16 KB as float, which several tiles share
constexpr int kLine = 64;             // bytes of a cache line

inline Vector load(const float* p) { return (Vector)_mm256_loadu_ps(p); }
inline Vector load(const uint16_t* p) { return (Vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
inline Vector load(const int8_t* p) {
  return (Vector)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
}
inline void store(float* p, Vector v) { _mm256_storeu_ps(p, (__m256)v); }
inline void store(uint16_t* p, Vector v) { _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph((__m256)v, 0)); }

inline Vector fused(Vector a, Vector b, Vector c) { return (Vector)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }

inline float sum(Vector v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

// What one tile works on: `x` is [k][ROWS] interleaved, `w` is [k][16].
struct Tile {
  const float* x;
  const float* scale;  // of the 16 outputs, or null
  const float* base;   // what the product is added to, laid out as y, or null
  float* y;
  long stride;  // of the rows of y and base
  int k;
  const char* fetch;
  const char* fetch_end;
};

// A sum over k is made in one order, whatever the number of rows, so that a row's result does not depend on the others:
// block by block of kBlock, and of a block the first half and the second half apart. Two such sums for each output hide
// the latency of an addition where there are few rows; with many there are no registers for both, one follows the other.
template <class W, int ROWS, bool TOGETHER>
void multiply(const Tile& tile, const W* w) {
  constexpr int chains = TOGETHER ? 2 : 1, count = ROWS * 2;
  constexpr int bytes = chains * kOutputs * (int)sizeof(W);
  const int half = tile.k / 2;
  Vector sums[2 * count];
  const char* fetch = tile.fetch;
#pragma GCC unroll 2
  for (int done = 0; done < 2; done += chains) {
    Vector own[chains * count];
#pragma GCC unroll 24
    for (int i = 0; i < chains * count; i++) own[i] = Vector{};
    const float* x = tile.x + (long)done * half * ROWS;
    const W* column = w + (long)done * half * kOutputs;
    for (int k = 0; k < half; k++) {
      for (int byte = 0; byte < bytes && fetch < tile.fetch_end; byte += kLine) __builtin_prefetch(fetch + byte);
      fetch += bytes;
#pragma GCC unroll 2
      for (int chain = 0; chain < chains; chain++) {
        const W* place = column + (long)chain * half * kOutputs;
        Vector low = load(place), high = load(place + kLanes);
        if constexpr (sizeof(W) == sizeof(float))
          asm("" : "+x"(low), "+x"(high));  // once, into registers: a processor loads twice a cycle
#pragma GCC unroll 6
        for (int row = 0; row < ROWS; row++) {
          const Vector value = (Vector)_mm256_broadcast_ss(x + (long)chain * half * ROWS + row);
          own[chain * count + row * 2] += value * low;
          own[chain * count + row * 2 + 1] += value * high;
        }
      }
      column += kOutputs;
      x += ROWS;
    }
#pragma GCC unroll 24
    for (int i = 0; i < chains * count; i++) sums[done * count + i] = own[i];
  }
#pragma GCC unroll 12
  for (int i = 0; i < count; i++) {
    Vector total = sums[i] + sums[count + i];
    const long place = (i / 2) * tile.stride + (i % 2) * kLanes;
    // Left to the compiler, a product and a sum would be one rounding for some numbers of rows and two for others.
    const Vector base = tile.base ? load(tile.base + place) : Vector{};
    total = tile.scale ? fused(total, load(tile.scale + (i % 2) * kLanes), base) : total + base;
    store(tile.y + place, total);
  }
}

template <class W>
void multiply(int rows, const Tile& tile, const W* w) {
  switch (rows) {
    case 1: return multiply<W, 1, true>(tile, w);
    case 2: return multiply<W, 2, true>(tile, w);
    case 3: return multiply<W, 3, true>(tile, w);
    case 4: return multiply<W, 4, false>(tile, w);
    case 5: return multiply<W, 5, false>(tile, w);
    default: return multiply<W, 6, false>(tile, w);
  }
}

// Rows [first(t), first(t + 1)) are tile t's.
struct Tiles {
  int rows, count;
  explicit Tiles(int rows) : rows(rows), count((rows + kRows - 1) / kRows) {}
  int first(int t) const { return (int)((long)rows * t / count); }
};

struct Norm {
  const float* weight;  // null: no norm
  const float* bias;
};

// One row through a LayerNorm (or none), to every `step`-th place of `target`.
void normalise(const float* x, const Norm& norm, float* target, int K, int step) {
  if (!norm.weight) {
    for (int k = 0; k < K; k++) target[(long)k * step] = x[k];
    return;
  }
  Vector total{}, squares{};
  for (int k = 0; k < K; k += kLanes) total += load(x + k);
  const float mean = sum(total) / K;
  for (int k = 0; k < K; k += kLanes) squares += (load(x + k) - mean) * (load(x + k) - mean);
  const float scale = 1 / std::sqrt(sum(squares) / K + 1e-5f);
  for (int k = 0; k < K; k++) target[(long)k * step] = (x[k] - mean) * scale * norm.weight[k] + norm.bias[k];
}

void gelu(float* y, long stride, int rows) {
  for (int row = 0; row < rows; row++, y += stride)
#pragma omp simd
    for (int i = 0; i < kOutputs; i++) y[i] = 0.5f * y[i] * (1 + erff(y[i] * 0.70710678118654752f));
}

// y[M, N] = base + f(norm(x)[M, K] W[N, K]^T), f being the exact GELU or nothing; `y` may be `base`.
template <class W>
void linear(const float* x, Norm norm, const W* w, const float* scale, const float* base, bool activate, float* y, int M,
            int N, int K) {
  static thread_local std::vector<float> buffer;  // tile t's rows interleaved, from first(t) * K on
  if (buffer.size() < (size_t)M * K) buffer.resize((size_t)M * K);
  float* packed = buffer.data();
  const Tiles tiles(M);
#pragma omp parallel
  {
#pragma omp for schedule(static)
    for (int t = 0; t < tiles.count; t++) {
      const int first = tiles.first(t), rows = tiles.first(t + 1) - first;
      for (int row = 0; row < rows; row++)
        normalise(x + (long)(first + row) * K, norm, packed + (long)first * K + row, K, rows);
    }
#pragma omp for schedule(static)
    for (int n = 0; n < N; n += kOutputs)
      for (int from = 0; from < K; from += kBlock) {
        const int k = std::min(K - from, kBlock);
        const W* here = w + (long)n * K + (long)from * kOutputs;
        const char* next = (const char*)(here + (long)k * kOutputs);
        const long bytes = (long)k * kOutputs * sizeof(W);
        for (int t = 0; t < tiles.count; t++) {
          const int first = tiles.first(t), rows = tiles.first(t + 1) - first;
          const long place = (long)first * N + n;
          const float* sum_so_far = from ? y + place : base ? base + place : nullptr;
          const Tile tile{packed + (long)first * K + (long)from * rows, scale ? scale + n : nullptr, sum_so_far, y + place,
                          N, k, next + bytes * t / tiles.count / kLine * kLine,
                          next + bytes * (t + 1) / tiles.count / kLine * kLine};
          multiply<W>(rows, tile, here);
          if (activate && from + k == K) gelu(y + place, N, rows);
        }
      }
  }
}

// y = weights [length] times values [length][stride], over VECTORS * 8 channels.
template <int VECTORS, class T>
void average(const float* weights, const T* values, long stride, float* y, int length) {
  Vector sums[VECTORS] = {};
  for (int t = 0; t < length; t++, values += stride)
#pragma GCC unroll 8
    for (int i = 0; i < VECTORS; i++) sums[i] += weights[t] * load(values + i * kLanes);
#pragma GCC unroll 8
  for (int i = 0; i < VECTORS; i++) store(y + i * kLanes, sums[i]);
}

// One query [D] over `length` keys and values [length][D]; `scores` has room for `length` numbers.
template <class T>
void attend_one(const float* query, const T* keys, const T* values, float* y, float* scores, int length, int D) {
  const float scale = 1 / std::sqrt((float)D);
  float largest = -1e30f, total = 0;  // -ffast-math knows no infinity
  for (int t = 0; t < length; t++) {
    Vector product{};
    for (int d = 0; d < D; d += kLanes) product += load(query + d) * load(keys + (long)t * D + d);
    scores[t] = sum(product) * scale;
    largest = std::max(largest, scores[t]);
  }
#pragma omp simd reduction(+ : total)
  for (int t = 0; t < length; t++) {
    scores[t] = expf(scores[t] - largest);
    total += scores[t];
  }
  const float share = length ? 1 / total : 0;
  for (int t = 0; t < length; t++) scores[t] *= share;
  int d = 0;
  for (; d + 8 * kLanes <= D; d += 8 * kLanes) average<8>(scores, values + d, D, y + d, length);
  for (; d < D; d += kLanes) average<1>(scores, values + d, D, y + d, length);
}

// Rows [B, S] of queries, `stride` apart, over keys and values [B, H, capacity, D]; y is [B, S, H * D].
// With `new_keys` and `new_values` (laid out as the queries), these join the `start` ones there are, and row s reads
// start + s + 1 of them; without, every row of sequence b reads the first lengths[b].
template <class T>
void attend(const float* queries, const float* new_keys, const float* new_values, long stride, T* keys, T* values,
            const int64_t* lengths, int start, float* y, int B, int S, int H, int D, int capacity) {
#pragma omp parallel
  {
    std::vector<float> scores(capacity);
#pragma omp for schedule(static)
    for (int unit = 0; unit < B * H; unit++) {
      const int b = unit / H, h = unit % H;
      T* own_keys = keys + (long)unit * capacity * D;
      T* own_values = values + (long)unit * capacity * D;
      for (int s = 0; s < S; s++) {
        const long row = (long)b * S + s, place = row * stride + (long)h * D;
        if (new_keys)
          for (int d = 0; d < D; d += kLanes) {
            store(own_keys + (long)(start + s) * D + d, load(new_keys + place + d));
            store(own_values + (long)(start + s) * D + d, load(new_values + place + d));
          }
        const int length = new_keys ? start + s + 1 : (int)lengths[b];
        attend_one(queries + place, own_keys, own_values, y + row * H * D + (long)h * D, scores.data(), length, D);
      }
    }
  }
}

}  // namespace

// N is a multiple of 16, K and D are multiples of 8.
extern "C" {
#define LINEAR(name, W)                                                                                              \
  void name(const float* x, const float* norm_weight, const float* norm_bias, const W* w, const float* scale,        \
            const float* base, float* y, int activate, int M, int N, int K) {                                        \
    linear(x, Norm{norm_weight, norm_bias}, w, scale, base, activate, y, M, N, K);                                   \
  }
#define ATTEND(name, T)                                                                                              \
  void name(const float* queries, const float* new_keys, const float* new_values, T* keys, T* values,                \
            const int64_t* lengths, float* y, int stride, int start, int B, int S, int H, int D, int capacity) {     \
    attend(queries, new_keys, new_values, stride, keys, values, lengths, start, y, B, S, H, D, capacity);            \
  }
LINEAR(linear_fp32, float)
LINEAR(linear_fp16, uint16_t)
LINEAR(linear_int8, int8_t)
ATTEND(attend_fp32, float)
ATTEND(attend_fp16, uint16_t)
}
