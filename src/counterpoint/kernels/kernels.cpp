// The arithmetic of a decoder block for few rows. An auto-regressive step reads every weight and every cached key and value
// once. With 2 rows or so it is as fast as memory gives them, with 16 as fast as the processor multiplies. Weights are
// kept as float, or as integers of 16 or 8 bits with a scale for each output and group of kGroup inputs; keys and values
// as float or half.
//
// Packed weights are W[N / 16][K][16], as integers W[N / 16][K / 2][16][2]: 16 outputs side by side, so that a core reads
// one unbroken stream and needs no sum across a vector. Rows go through in tiles, whose sums and operands fill the
// registers; they share a block of K that stays in the first cache, and each tile fetches its part of the block to come,
// so that memory is never idle.
//
// Products with integers take the inputs as integers, too, of a row and a group between -kLevels and kLevels: a processor
// multiplies and adds twice as many of them as of float. `linear.py` scales weights so that no sum of a group leaves 32
// bits. Such a sum is exact; those of the groups are added as float.

#if !defined(__AVX2__) || !defined(__FMA__) || !defined(__F16C__)
#error "these kernels are written for AVX2, FMA and F16C"
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <immintrin.h>
#include <type_traits>
#include <vector>

namespace {

typedef float Vector __attribute__((vector_size(32)));

constexpr int kLanes = 8;       // of a vector
constexpr int kOutputs = 16;    // of a column of W
constexpr int kBlock = 16384;   // bytes of a column that several tiles share
constexpr int kLine = 64;       // bytes of a cache line
constexpr int kGroup = 64;      // inputs with a common scale, GROUP in linear.py
constexpr int kLevels = 11585;  // of an input, LEVELS in linear.py

// Vectors of the widest kind; one or two of them are as wide as a column.
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VNNI__)
typedef __m512 Wide;
typedef __m512i Integers;
constexpr int kRows = 16;  // of a tile, at most: 16 sums, and as many in the other half of the registers
inline Wide wide(const float* p) { return _mm512_loadu_ps(p); }
inline Wide spread(float value) { return _mm512_set1_ps(value); }
inline Wide fused(Wide a, Wide b, Wide c) { return _mm512_fmadd_ps(a, b, c); }
inline void store(float* p, Wide v) { _mm512_storeu_ps(p, v); }
inline Integers integers(const int16_t* p) { return _mm512_loadu_si512(p); }
inline Integers integers(const int8_t* p) { return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)p)); }
inline Integers spread(int32_t pair) { return _mm512_set1_epi32(pair); }
inline Integers add(Integers a, Integers b) { return _mm512_add_epi32(a, b); }
inline Integers add_products(Integers sum, Integers a, Integers b) { return _mm512_dpwssd_epi32(sum, a, b); }
inline Wide real(Integers v) { return _mm512_cvtepi32_ps(v); }
#else
typedef __m256 Wide;
typedef __m256i Integers;
constexpr int kRows = 6;  // of a tile, at most: 12 sums and 2 + 1 operands in 16 registers
inline Wide wide(const float* p) { return _mm256_loadu_ps(p); }
inline Wide spread(float value) { return _mm256_set1_ps(value); }
inline Wide fused(Wide a, Wide b, Wide c) { return _mm256_fmadd_ps(a, b, c); }
inline Integers integers(const int16_t* p) { return _mm256_loadu_si256((const __m256i*)p); }
inline Integers integers(const int8_t* p) { return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)p)); }
inline Integers spread(int32_t pair) { return _mm256_set1_epi32(pair); }
inline Integers add(Integers a, Integers b) { return _mm256_add_epi32(a, b); }
inline Integers add_products(Integers sum, Integers a, Integers b) {
  return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}
inline Wide real(Integers v) { return _mm256_cvtepi32_ps(v); }
#endif
constexpr int kWide = sizeof(Wide) / sizeof(float);  // outputs of a vector
constexpr int kParts = kOutputs / kWide;             // vectors of a column

inline Vector load(const float* p) { return (Vector)_mm256_loadu_ps(p); }
inline Vector load(const uint16_t* p) { return (Vector)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)p)); }
inline void store(float* p, Vector v) { _mm256_storeu_ps(p, (__m256)v); }
inline void store(uint16_t* p, Vector v) { _mm_storeu_si128((__m128i*)p, _mm256_cvtps_ph((__m256)v, 0)); }

inline float sum(Vector v) {
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
  const __m128 quarter = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(quarter, _mm_movehdup_ps(quarter)));
}

// A part of memory that will be read next, fetched line by line while something else is computed: into the second cache,
// for which more lines can be under way at once (about an eighth more bytes a second), or, where the arithmetic takes
// longer than the memory, into the first one.
struct Fetch {
  const char* next;
  const char* end;
  template <bool FIRST = false>
  void lines(int bytes) {
    for (int byte = 0; byte < bytes && next + byte < end; byte += kLine)
      __builtin_prefetch(next + byte, 0, FIRST ? 3 : 2);
    next += bytes;
  }
};

// What one tile works on, of a block of K for which y has `base` or the sum of the blocks before.
struct Tile {
  const float* base;  // what the product is added to, laid out as y, or null
  float* y;
  long stride;  // of the rows of y and base
  int k;
  Fetch fetch;
};

// A sum over k is made in one order, whatever the number of rows, so that a row's result does not depend on the others:
// block by block, and of a block the first half and the second half apart. Two such sums for each output hide
// the latency of an addition where there are few rows; with many there are no registers for both, one follows the other.
// `x` is [k][ROWS] interleaved, `w` is [k][16].
template <int ROWS>
void multiply(const Tile& tile, const float* x, const float* w) {
  constexpr int chains = ROWS <= kRows / 2 ? 2 : 1, count = ROWS * kParts;
  constexpr int bytes = chains * kOutputs * (int)sizeof(float);
  const int half = tile.k / 2;
  Wide sums[2 * count];
  Fetch fetch = tile.fetch;
#pragma GCC unroll 2
  for (int done = 0; done < 2; done += chains) {
    Wide own[chains * count];
#pragma GCC unroll 32
    for (int i = 0; i < chains * count; i++) own[i] = Wide{};
    const float* row_x = x + (long)done * half * ROWS;
    const float* column = w + (long)done * half * kOutputs;
    for (int k = 0; k < half; k++) {
      fetch.lines(bytes);
#pragma GCC unroll 2
      for (int chain = 0; chain < chains; chain++) {
        Wide weights[kParts];
#pragma GCC unroll 2
        for (int part = 0; part < kParts; part++) {
          weights[part] = wide(column + (long)chain * half * kOutputs + part * kWide);
          asm("" : "+v"(weights[part]));  // once, into registers: a processor loads twice a cycle
        }
#pragma GCC unroll 16
        for (int row = 0; row < ROWS; row++) {
          const Wide value = spread(row_x[(long)chain * half * ROWS + row]);
#pragma GCC unroll 2
          for (int part = 0; part < kParts; part++) {
            Wide& total = own[chain * count + row * kParts + part];
            total = fused(value, weights[part], total);
          }
        }
      }
      column += kOutputs;
      row_x += ROWS;
    }
#pragma GCC unroll 32
    for (int i = 0; i < chains * count; i++) sums[done * count + i] = own[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < count; i++) {
    const long place = (i / kParts) * tile.stride + (i % kParts) * kWide;
    Wide total = sums[i] + sums[count + i];
    asm("" : "+v"(total));  // -ffast-math would add `base` first for some numbers of rows and last for others
    store(tile.y + place, tile.base ? total + wide(tile.base + place) : total);
  }
}

// The same with integers: `x` is [k / 2][ROWS] pairs of inputs with their scales [k / kGroup][ROWS], `w` is
// [k / 2][16][2] with its scales [k / kGroup][16]. With few rows, several sums for each output hide the latency.
template <int ROWS, class W>
void multiply(const Tile& tile, const int32_t* x, const float* x_scale, const W* w, const float* w_scale) {
  constexpr int count = ROWS * kParts;
  constexpr int chains = ROWS <= kRows / 8 ? 4 : ROWS <= kRows / 4 ? 2 : 1;
  constexpr int bytes = chains * 2 * kOutputs * (int)sizeof(W);
  constexpr bool arithmetic = ROWS > kRows / 2 && sizeof(W) == 1;
  Fetch fetch = tile.fetch;
  Wide totals[count];
#pragma GCC unroll 16
  for (int i = 0; i < count; i++) {
    const long place = (i / kParts) * tile.stride + (i % kParts) * kWide;
    totals[i] = tile.base ? wide(tile.base + place) : Wide{};
  }
  for (int from = 0; from < tile.k; from += kGroup) {
    Integers sums[chains * count];
#pragma GCC unroll 32
    for (int i = 0; i < chains * count; i++) sums[i] = Integers{};
    for (int pair = std::min(kGroup, tile.k - from) / 2; pair > 0; pair -= chains) {
      fetch.lines<arithmetic>(bytes);
#pragma GCC unroll 4
      for (int chain = 0; chain < chains; chain++) {
        Integers weights[kParts];
#pragma GCC unroll 2
        for (int part = 0; part < kParts; part++) {
          weights[part] = integers(w + part * 2 * kWide);
          asm("" : "+v"(weights[part]));
        }
#pragma GCC unroll 16
        for (int row = 0; row < ROWS; row++) {
          const Integers value = spread(x[row]);
#pragma GCC unroll 2
          for (int part = 0; part < kParts; part++) {
            Integers& total = sums[chain * count + row * kParts + part];
            total = add_products(total, value, weights[part]);
          }
        }
        x += ROWS;
        w += 2 * kOutputs;
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < count; i++) {
      Integers total = sums[i];
#pragma GCC unroll 4
      for (int chain = 1; chain < chains; chain++) total = add(total, sums[chain * count + i]);
      const Wide scale = wide(w_scale + (i % kParts) * kWide) * spread(x_scale[i / kParts]);
      totals[i] = fused(real(total), scale, totals[i]);
    }
    x_scale += ROWS;
    w_scale += kOutputs;
  }
#pragma GCC unroll 16
  for (int i = 0; i < count; i++) store(tile.y + (i / kParts) * tile.stride + (i % kParts) * kWide, totals[i]);
}

// `work` with the number of rows as a constant, at most kRows.
template <int ROWS = 1, class Work>
void with_rows(int rows, const Work& work) {
  if constexpr (ROWS < kRows)
    if (rows != ROWS) return with_rows<ROWS + 1>(rows, work);
  work(std::integral_constant<int, ROWS>());
}

// Rows [first(t), first(t + 1)) are tile t's.
struct Tiles {
  int rows, count;
  explicit Tiles(int rows) : rows(rows), count((rows + kRows - 1) / kRows) {}
  int first(int t) const { return (int)((long)rows * t / count); }
};

struct Norm {
  const float* weight = nullptr;  // null: no norm
  const float* bias = nullptr;
};

// One row through a LayerNorm (or none).
void normalise(const float* x, const Norm& norm, float* target, int K) {
  Vector total{}, squares{};
  for (int k = 0; k < K; k += kLanes) total += load(x + k);
  const float mean = sum(total) / K;
  for (int k = 0; k < K; k += kLanes) squares += (load(x + k) - mean) * (load(x + k) - mean);
  const float scale = 1 / std::sqrt(sum(squares) / K + 1e-5f);
  for (int k = 0; k < K; k++) target[k] = (x[k] - mean) * scale * norm.weight[k] + norm.bias[k];
}

// `k` inputs of a row, to every `step`-th place of `target`.
void place(const float* x, float* target, int k, int step) {
  for (int i = 0; i < k; i++) target[(long)i * step] = x[i];
}

// The same as pairs of integers; returns their scale.
float place(const float* x, int32_t* target, int k, int step) {
  const __m256 magnitude = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  __m256 most = _mm256_setzero_ps();
  for (int i = 0; i < k; i += kLanes) most = _mm256_max_ps(most, _mm256_and_ps(magnitude, (__m256)load(x + i)));
  float largest = 0;
  for (int lane = 0; lane < kLanes; lane++) largest = std::max(largest, ((Vector)most)[lane]);
  const float levels = largest > 0 ? kLevels / largest : 0;
  alignas(32) int32_t rounded[kGroup];
  for (int i = 0; i < k; i += kLanes)
    _mm256_store_si256((__m256i*)(rounded + i), _mm256_cvtps_epi32((__m256)(load(x + i) * levels)));
  for (int i = 0; i < k; i += 2, target += step)
    *target = (int32_t)((uint32_t)rounded[i + 1] << 16 | (uint16_t)rounded[i]);
  return largest / kLevels;
}

void gelu(float* y, long stride, int rows) {
  for (int row = 0; row < rows; row++, y += stride)
#pragma omp simd
    for (int i = 0; i < kOutputs; i++) y[i] = 0.5f * y[i] * (1 + erff(y[i] * 0.70710678118654752f));
}

// The inputs of a product, kept from call to call: rows after a norm, and rows interleaved tile by tile, tile t's from
// first(t) * K on, as float or as pairs of integers with scales.
struct Inputs {
  std::vector<float> normalised, real, scales;
  std::vector<int32_t> pairs;
};

template <class T>
void reserve(std::vector<T>& some, size_t size) {
  if (some.size() < size) some.resize(size);
}

// For the threads of a team together: a group of all rows at a time, so that what is written side by side stays in a cache.
template <bool INTEGER>
void interleave(const float* x, const Norm& norm, const Tiles& tiles, Inputs& inputs, int K) {
  const int groups = (K + kGroup - 1) / kGroup;
  if (norm.weight) {
#pragma omp for schedule(static)
    for (int m = 0; m < tiles.rows; m++) normalise(x + (long)m * K, norm, &inputs.normalised[(long)m * K], K);
    x = inputs.normalised.data();
  }
#pragma omp for schedule(static)
  for (int group = 0; group < groups; group++)
    for (int t = 0; t < tiles.count; t++) {
      const int first = tiles.first(t), step = tiles.first(t + 1) - first;
      const int from = group * kGroup, k = std::min(kGroup, K - from);
      for (int row = 0; row < step; row++) {
        const float* own = x + (long)(first + row) * K + from;
        if constexpr (INTEGER)
          inputs.scales[(long)first * groups + (long)group * step + row] =
              place(own, &inputs.pairs[((long)first * K + (long)from * step) / 2 + row], k, step);
        else
          place(own, &inputs.real[(long)first * K + (long)from * step + row], k, step);
      }
    }
}

// y[M, N] = base + f(norm(x)[M, K] W[N, K]^T), f being the exact GELU or nothing; `y` may be `base`. Integers have
// `scale` [N / 16][K / kGroup][16].
template <class W>
void linear(const float* x, Norm norm, const W* w, const float* scale, const float* base, bool activate, float* y, int M,
            int N, int K) {
  constexpr bool integer = !std::is_same<W, float>::value;
  constexpr int block = kBlock / kOutputs / (int)sizeof(W);
  const int groups = (K + kGroup - 1) / kGroup;
  static thread_local Inputs kept;
  Inputs& inputs = kept;  // the caller's, for all threads of its team
  if (norm.weight) reserve(inputs.normalised, (size_t)M * K);
  if (integer) {
    reserve(inputs.pairs, (size_t)M * K / 2);
    reserve(inputs.scales, (size_t)M * groups);
  } else {
    reserve(inputs.real, (size_t)M * K);
  }
  const Tiles tiles(M);
#pragma omp parallel
  {
    interleave<integer>(x, norm, tiles, inputs, K);
#pragma omp for schedule(static)
    for (int n = 0; n < N; n += kOutputs)
      for (int from = 0; from < K; from += block) {
        const int k = std::min(K - from, block);
        const W* here = w + (long)n * K + (long)from * kOutputs;
        const char* next = (const char*)(here + (long)k * kOutputs);
        const long bytes = (long)k * kOutputs * sizeof(W);
        for (int t = 0; t < tiles.count; t++) {
          const int first = tiles.first(t), count = tiles.first(t + 1) - first;
          const long corner = (long)first * N + n;
          const Fetch fetch{next + bytes * t / tiles.count / kLine * kLine,
                            next + bytes * (t + 1) / tiles.count / kLine * kLine};
          const Tile tile{from ? y + corner : base ? base + corner : nullptr, y + corner, N, k, fetch};
          with_rows(count, [&](auto constant) {
            constexpr int ROWS = decltype(constant)::value;
            if constexpr (integer)
              multiply<ROWS>(tile, &inputs.pairs[(long)first * K / 2 + (long)from / 2 * ROWS],
                             &inputs.scales[(long)first * groups + (long)from / kGroup * ROWS], here,
                             scale + (long)n * groups + (long)from / kGroup * kOutputs);
            else
              multiply<ROWS>(tile, &inputs.real[(long)first * K + (long)from * ROWS], here);
          });
          if (activate && from + k == K) gelu(y + corner, N, count);
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
// `new_keys` and `new_values` (laid out as the queries) join the `start` ones there are, and row s reads start + s + 1 of
// them; where keys and values are constant, there are no new ones, and every row of sequence b reads the first lengths[b].
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
        if constexpr (!std::is_const<T>::value)
          for (int d = 0; d < D; d += kLanes) {
            store(own_keys + (long)(start + s) * D + d, load(new_keys + place + d));
            store(own_values + (long)(start + s) * D + d, load(new_values + place + d));
          }
        const int length = lengths ? (int)lengths[b] : start + s + 1;
        attend_one(queries + place, own_keys, own_values, y + row * H * D + (long)h * D, scores.data(), length, D);
      }
    }
  }
}

// A matrix W[N, K] as `linear` takes it.
struct Matrix {
  const void* weights;
  const float* scale;
};

// The parts of a decoder block, in the order of Layer in blocks.py.
struct Layer {
  Norm self_norm;
  Matrix in_proj, out_proj;
  Norm cross_norm;
  Matrix query, cross_out;
  Norm feed_norm;
  Matrix up, down;
};

template <class T>
struct KeysAndValues {
  T* keys;
  T* values;
};

struct Sizes {
  int layers, batch, steps, captioned, start, heads, channels, feed_forward, capacity, tokens;
};

// `layers` decoder blocks over x [batch, steps, C], in place; the steps follow `start` cached ones. The first `captioned`
// sequences read their first lengths[b] tokens of text; without biases the others would read zeros.
template <class W, class T>
void decode(const Layer* layers, const KeysAndValues<T>* caches, const KeysAndValues<const float>* texts,
            const int64_t* lengths, float* x, const Sizes& size) {
  const int C = size.heads * size.channels, M = size.batch * size.steps, captioned = size.captioned * size.steps;
  static thread_local std::vector<float> scratch;
  reserve(scratch, (size_t)M * (4 * C + size.feed_forward));
  float *qkv = scratch.data(), *read = qkv + (size_t)M * 3 * C, *hidden = read + (size_t)M * C;
  const auto apply = [](const Matrix& matrix, const float* from, const Norm& norm, const float* base, bool activate,
                        float* to, int rows, int N, int K) {
    linear(from, norm, (const W*)matrix.weights, matrix.scale, base, activate, to, rows, N, K);
  };
  for (int i = 0; i < size.layers; i++) {
    const Layer& layer = layers[i];
    apply(layer.in_proj, x, layer.self_norm, nullptr, false, qkv, M, 3 * C, C);
    attend<T>(qkv, qkv + C, qkv + 2 * C, 3 * C, caches[i].keys, caches[i].values, nullptr, size.start, read, size.batch,
              size.steps, size.heads, size.channels, size.capacity);
    apply(layer.out_proj, read, Norm{}, x, false, x, M, C, C);
    if (captioned) {
      apply(layer.query, x, layer.cross_norm, nullptr, false, qkv, captioned, C, C);
      attend<const float>(qkv, nullptr, nullptr, C, texts[i].keys, texts[i].values, lengths, 0, read, size.captioned,
                          size.steps, size.heads, size.channels, size.tokens);
      apply(layer.cross_out, read, Norm{}, x, false, x, captioned, C, C);
    }
    apply(layer.up, x, layer.feed_norm, nullptr, true, hidden, M, size.feed_forward, C);
    apply(layer.down, hidden, Norm{}, x, false, x, M, C, size.feed_forward);
  }
}

}  // namespace

// N is a multiple of 16, K and the channels of a head are multiples of 8.
extern "C" {
#define LINEAR(name, W)                                                                                              \
  void name(const float* x, const float* norm_weight, const float* norm_bias, const W* w, const float* scale,        \
            const float* base, float* y, int activate, int M, int N, int K) {                                        \
    linear(x, Norm{norm_weight, norm_bias}, w, scale, base, activate, y, M, N, K);                                   \
  }
#define DECODE(name, W, T)                                                                                           \
  void name(const Layer* layers, const KeysAndValues<T>* caches, const KeysAndValues<const float>* texts,            \
            const int64_t* lengths, float* x, const Sizes* sizes) {                                                  \
    decode<W, T>(layers, caches, texts, lengths, x, *sizes);                                                         \
  }
LINEAR(linear_fp32, float)
LINEAR(linear_fp16, int16_t)
LINEAR(linear_int8, int8_t)
DECODE(decode_fp32, float, float)
DECODE(decode_fp16, int16_t, uint16_t)
DECODE(decode_int8, int8_t, uint16_t)
}
