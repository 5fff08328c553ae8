// y[M, N] = x[M, K] W[N, K]^T for few rows M: an auto-regressive step reads every weight once for M = 2 rows or so, and
// is as fast as memory gives the weights. Weights are kept as float, half or int8 (with a scale per output); all
// arithmetic is in float.
//
// Packed weights are W[N / 16][K][16]: 16 outputs side by side, so that a core reads one unbroken stream and needs no sum
// across a vector. Rows go through in tiles of at most 6, whose 12 sums and the 2 + 1 operands fill the 16 registers of
// AVX2; where there are several tiles, they share a block of K that stays in the first cache, and each tile fetches
// its part of the block to come, so that memory is never idle.

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "these kernels are written for AVX2, FMA and F16C"
#endif

#include <algorithm>
#include <cstdint>
#include <immintrin.h>

namespace {

typedef float Vector __attribute__((vector_size(32)));

constexpr int kLanes = 8;           // of a vector
constexpr int kOutputs = 2 * kLanes;  // of a column of W
constexpr int kRows = 6;            // of a tile, at most
constexpr int kBlock = 256;         // of K that several tiles share: 16 KB as float
constexpr int kAhead = 1024;        // bytes that a lone tile fetches ahead
constexpr int kLine = 64;           // bytes of a cache line

inline Vector load(const float* p) { return (Vector)_mm256_loadu_ps(p); }
inline Vector load(const uint16_t* p) { return (Vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
inline Vector load(const int8_t* p) {
  return (Vector)_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i*)p)));
}

// What one tile works on: `x` is [k][ROWS] interleaved, `w` is [k][16].
struct Tile {
  const float* x;
  const float* scale;  // of the 16 outputs, or null
  float* y;
  long stride;  // of y's rows
  int k;
  bool add;  // to what y holds of earlier blocks
  const char* fetch;
  const char* fetch_end;
};

// CHAINS independent sums per output hide the latency of an addition where there are few rows.
template <class W, int ROWS, int CHAINS>
void multiply(const Tile& tile, const W* w) {
  constexpr int bytes = CHAINS * kOutputs * (int)sizeof(W);
  Vector sums[CHAINS * ROWS * 2];
#pragma GCC unroll 16
  for (int i = 0; i < CHAINS * ROWS * 2; i++) sums[i] = Vector{};
  const float* x = tile.x;
  const char* fetch = tile.fetch;
  for (int k = 0; k < tile.k; k += CHAINS) {
    for (int byte = 0; byte < bytes && fetch < tile.fetch_end; byte += kLine) __builtin_prefetch(fetch + byte);
    fetch += bytes;
#pragma GCC unroll 4
    for (int chain = 0; chain < CHAINS; chain++) {
      const Vector low = load(w), high = load(w + kLanes);
      w += kOutputs;
#pragma GCC unroll 6
      for (int row = 0; row < ROWS; row++) {
        const Vector value = (Vector)_mm256_broadcast_ss(x + row);
        sums[(chain * ROWS + row) * 2] += value * low;
        sums[(chain * ROWS + row) * 2 + 1] += value * high;
      }
      x += ROWS;
    }
  }
#pragma GCC unroll 12
  for (int i = 0; i < ROWS * 2; i++) {
    Vector sum = sums[i];
#pragma GCC unroll 4
    for (int chain = 1; chain < CHAINS; chain++) sum += sums[chain * ROWS * 2 + i];
    if (tile.scale) sum *= load(tile.scale + (i % 2) * kLanes);
    float* y = tile.y + (i / 2) * tile.stride + (i % 2) * kLanes;
    if (tile.add) sum += load(y);
    _mm256_storeu_ps(y, (__m256)sum);
  }
}

template <class W>
void multiply(int rows, const Tile& tile, const W* w) {
  switch (rows) {
    case 1: return multiply<W, 1, 4>(tile, w);
    case 2: return multiply<W, 2, 2>(tile, w);
    case 3: return multiply<W, 3, 1>(tile, w);
    case 4: return multiply<W, 4, 1>(tile, w);
    case 5: return multiply<W, 5, 1>(tile, w);
    default: return multiply<W, 6, 1>(tile, w);
  }
}

// Rows [first(t), first(t + 1)) are tile t's.
struct Tiles {
  int rows, count;
  explicit Tiles(int rows) : rows(rows), count((rows + kRows - 1) / kRows) {}
  int first(int t) const { return (int)((long)rows * t / count); }
};

// `packed` [M * K] receives x as the tiles read it: tile t's rows interleaved, from first(t) * K on.
template <class W>
void linear(const float* x, const W* w, const float* scale, float* y, float* packed, int M, int N, int K) {
  const Tiles tiles(M);
#pragma omp parallel
  {
#pragma omp for schedule(static) collapse(2)
    for (int t = 0; t < tiles.count; t++)
      for (int from = 0; from < K; from += kBlock) {
        const int first = tiles.first(t), rows = tiles.first(t + 1) - first, to = std::min(K, from + kBlock);
        float* target = packed + (long)first * K;
        for (int row = 0; row < rows; row++)
          for (int k = from; k < to; k++) target[(long)k * rows + row] = x[(long)(first + row) * K + k];
      }
    const int block = tiles.count > 1 ? kBlock : K;
#pragma omp for schedule(static)
    for (int n = 0; n < N; n += kOutputs)
      for (int from = 0; from < K; from += block) {
        const int k = std::min(K - from, block);
        const W* here = w + (long)n * K + (long)from * kOutputs;
        const char* next = (const char*)(here + (long)k * kOutputs);
        const long bytes = (long)k * kOutputs * sizeof(W);
        for (int t = 0; t < tiles.count; t++) {
          const int first = tiles.first(t), rows = tiles.first(t + 1) - first;
          Tile tile{packed + (long)first * K + (long)from * rows, scale ? scale + n : nullptr,
                    y + (long)first * N + n, N, k, from > 0, (const char*)here + kAhead, next + kAhead};
          if (tiles.count > 1) {
            tile.fetch = next + bytes * t / tiles.count / kLine * kLine;
            tile.fetch_end = next + bytes * (t + 1) / tiles.count / kLine * kLine;
          }
          multiply<W>(rows, tile, here);
        }
      }
  }
}

}  // namespace

// N is a multiple of 16 and K one of 4.
extern "C" {
void linear_fp32(const float* x, const float* w, const float* scale, float* y, float* packed, int M, int N, int K) {
  linear(x, w, scale, y, packed, M, N, K);
}
void linear_fp16(const float* x, const uint16_t* w, const float* scale, float* y, float* packed, int M, int N, int K) {
  linear(x, w, scale, y, packed, M, N, K);
}
void linear_int8(const float* x, const int8_t* w, const float* scale, float* y, float* packed, int M, int N, int K) {
  linear(x, w, scale, y, packed, M, N, K);
}
}
