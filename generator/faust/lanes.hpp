// Numbers of several items at once: one item in each lane of a vector of the processor. The program
// text that is written on these types (see lane_rewriting.py) is that of one item, so that each lane
// computes what the program computes for its item.

namespace lanes {

const int kLanes = 32 / sizeof(FAUSTFLOAT);

typedef FAUSTFLOAT RealVector __attribute__((vector_size(32)));
typedef int IntVector __attribute__((vector_size(kLanes * sizeof(int))));
typedef double DoubleVector __attribute__((vector_size(kLanes * sizeof(double))));
// What a comparison of two vectors gives: all bits of an element, or none.
typedef decltype(RealVector() < RealVector()) RealTruth;
typedef std::conditional_t<sizeof(FAUSTFLOAT) == 8, long, int> RealTruthElement;
template <RealTruthElement... K> using Sequence = std::integer_sequence<RealTruthElement, K...>;
typedef std::make_integer_sequence<RealTruthElement, kLanes> AllLanes;

struct Lanes {
    RealVector of;
    Lanes() = default;
    Lanes(FAUSTFLOAT one) : of(RealVector() + one) {}
    explicit Lanes(RealVector of) : of(of) {}
};

struct Ints {
    IntVector of;
    Ints() = default;
    Ints(int one) : of(IntVector() + one) {}
    explicit Ints(IntVector of) : of(of) {}
};

// A comparison, which is 1 or 0 where it is used as a number.
struct Truth {
    RealTruth of;
    explicit Truth(RealTruth of) : of(of) {}
    operator Ints() const { return Ints(__builtin_convertvector(-of, IntVector)); }
};

inline Truth truth(IntVector of) { return Truth(__builtin_convertvector(of, RealTruth)); }

inline Lanes operator+(Lanes a, Lanes b) { return Lanes(a.of + b.of); }
inline Lanes operator-(Lanes a, Lanes b) { return Lanes(a.of - b.of); }
inline Lanes operator*(Lanes a, Lanes b) { return Lanes(a.of * b.of); }
inline Lanes operator/(Lanes a, Lanes b) { return Lanes(a.of / b.of); }
inline Lanes operator-(Lanes a) { return Lanes(-a.of); }
inline Truth operator<(Lanes a, Lanes b) { return Truth(a.of < b.of); }
inline Truth operator>(Lanes a, Lanes b) { return Truth(a.of > b.of); }
inline Truth operator<=(Lanes a, Lanes b) { return Truth(a.of <= b.of); }
inline Truth operator>=(Lanes a, Lanes b) { return Truth(a.of >= b.of); }
inline Truth operator==(Lanes a, Lanes b) { return Truth(a.of == b.of); }
inline Truth operator!=(Lanes a, Lanes b) { return Truth(a.of != b.of); }

inline Truth operator&(Truth a, Truth b) { return Truth(a.of & b.of); }
inline Truth operator|(Truth a, Truth b) { return Truth(a.of | b.of); }
inline Truth operator^(Truth a, Truth b) { return Truth(a.of ^ b.of); }

// Whole numbers wrap around, as those of Faust do.
typedef unsigned UnsignedVector __attribute__((vector_size(kLanes * sizeof(int))));
inline Ints wrapped(UnsignedVector of) { return Ints((IntVector)of); }
inline Ints operator+(Ints a, Ints b) { return wrapped((UnsignedVector)a.of + (UnsignedVector)b.of); }
inline Ints operator-(Ints a, Ints b) { return wrapped((UnsignedVector)a.of - (UnsignedVector)b.of); }
inline Ints operator*(Ints a, Ints b) { return wrapped((UnsignedVector)a.of * (UnsignedVector)b.of); }
inline Ints operator-(Ints a) { return Ints(0) - a; }
inline Ints operator&(Ints a, Ints b) { return Ints(a.of & b.of); }
inline Ints operator|(Ints a, Ints b) { return Ints(a.of | b.of); }
inline Ints operator^(Ints a, Ints b) { return Ints(a.of ^ b.of); }
inline Ints operator~(Ints a) { return Ints(~a.of); }
// Of the places to shift by, the last five bits count, as they do outside of vectors.
inline Ints operator<<(Ints a, Ints b) {
    return wrapped((UnsignedVector)a.of << ((UnsignedVector)b.of & 31u));
}
inline Ints operator>>(Ints a, Ints b) { return Ints(a.of >> (b.of & 31)); }
inline Truth operator<(Ints a, Ints b) { return truth(a.of < b.of); }
inline Truth operator>(Ints a, Ints b) { return truth(a.of > b.of); }
inline Truth operator<=(Ints a, Ints b) { return truth(a.of <= b.of); }
inline Truth operator>=(Ints a, Ints b) { return truth(a.of >= b.of); }
inline Truth operator==(Ints a, Ints b) { return truth(a.of == b.of); }
inline Truth operator!=(Ints a, Ints b) { return truth(a.of != b.of); }

// All lanes are computed, also those whose result is not used: no lane may stop the program.
inline Ints operator/(Ints a, Ints b) {
    for (int k = 0; k < kLanes; k++) a.of[k] = b.of[k] ? int((long long)a.of[k] / b.of[k]) : 0;
    return a;
}
inline Ints operator%(Ints a, Ints b) {
    for (int k = 0; k < kLanes; k++) a.of[k] = b.of[k] ? int((long long)a.of[k] % b.of[k]) : 0;
    return a;
}

template <class T> struct IsWide : std::false_type {};
template <> struct IsWide<Lanes> : std::true_type {};
template <> struct IsWide<Ints> : std::true_type {};
template <> struct IsWide<Truth> : std::true_type {};

template <class T>
struct IsReal
    : std::integral_constant<bool, std::is_floating_point<T>::value || std::is_same<T, Lanes>::value> {};

// Of two numbers, of which one at least has lanes.
template <class A, class B>
using Wide = std::conditional_t<IsReal<A>::value || IsReal<B>::value, Lanes, Ints>;
template <class A, class B>
using Common = typename std::conditional_t<IsWide<A>::value || IsWide<B>::value,
                                           std::enable_if<true, Wide<A, B>>,
                                           std::common_type<A, B>>::type;

inline Lanes blend(Truth c, Lanes a, Lanes b) { return Lanes(c.of ? a.of : b.of); }
inline Ints blend(Truth c, Ints a, Ints b) {
    return Ints(__builtin_convertvector(c.of, IntVector) ? a.of : b.of);
}

template <class A, class B> Wide<A, B> select(Truth c, A a, B b) {
    return blend(c, Wide<A, B>(a), Wide<A, B>(b));
}
template <class A, class B> Wide<A, B> select(Ints c, A a, B b) { return select(c != 0, a, b); }
template <class A, class B> Common<A, B> select(int c, A a, B b) {
    return c ? Common<A, B>(a) : Common<A, B>(b);
}

inline Lanes real(Lanes a) { return a; }
inline Lanes real(Ints a) { return Lanes(__builtin_convertvector(a.of, RealVector)); }
inline Lanes real(Truth a) { return real(Ints(a)); }
template <class T> std::enable_if_t<std::is_arithmetic<T>::value, FAUSTFLOAT> real(T a) {
    return FAUSTFLOAT(a);
}

inline Ints whole(Lanes a) { return Ints(__builtin_convertvector(a.of, IntVector)); }
inline Ints whole(Ints a) { return a; }
inline Ints whole(Truth a) { return a; }
template <class T> std::enable_if_t<std::is_arithmetic<T>::value, int> whole(T a) { return int(a); }

template <class T, class A, class B> Common<A, B> max(A a, B b) {
    return select(Common<A, B>(a) < Common<A, B>(b), b, a);
}
template <class T, class A, class B> Common<A, B> min(A a, B b) {
    return select(Common<A, B>(b) < Common<A, B>(a), b, a);
}
template <class A, class B> Common<A, B> wrap_add(A a, B b) { return a + b; }
template <class A, class B> Common<A, B> wrap_sub(A a, B b) { return a - b; }
template <class A, class B> Common<A, B> wrap_mul(A a, B b) { return a * b; }
inline int wrap_add(int a, int b) { return int(unsigned(a) + unsigned(b)); }
inline int wrap_sub(int a, int b) { return int(unsigned(a) - unsigned(b)); }
inline int wrap_mul(int a, int b) { return int(unsigned(a) * unsigned(b)); }

using std::abs;
using std::fabs;
inline Lanes fabs(Lanes a) {
    const RealTruth sign = (RealTruth)(-RealVector());
    return Lanes((RealVector)((RealTruth)a.of & ~sign));
}
inline Ints abs(Ints a) { return select(a < 0, -a, a); }

// In single precision, Faust's libraries call functions by their names in C, which end in f.
#define UNARY_NAMES(name) \
    using std::name;      \
    using ::name##f;      \
    inline Lanes name##f(Lanes a) { return name(a); }
#define BINARY_NAMES(name)                                                                   \
    using ::name##f;                                                                         \
    template <class A, class B> Wide<A, B> name(A a, B b) { return name(Lanes(a), Lanes(b)); } \
    inline FAUSTFLOAT name(FAUSTFLOAT a, FAUSTFLOAT b) { return std::name(a, b); }           \
    template <class A, class B> auto name##f(A a, B b) { return name(a, b); }

// Functions that are called lane by lane.
#define SINGLY_UNARY(name)                                             \
    inline Lanes name(Lanes a) {                                       \
        for (int k = 0; k < kLanes; k++) a.of[k] = std::name(a.of[k]); \
        return a;                                                      \
    }                                                                  \
    UNARY_NAMES(name)
#define SINGLY_BINARY(name)                                                     \
    inline Lanes name(Lanes a, Lanes b) {                                       \
        for (int k = 0; k < kLanes; k++) a.of[k] = std::name(a.of[k], b.of[k]); \
        return a;                                                               \
    }                                                                           \
    BINARY_NAMES(name)

// Functions that the C library has for vectors, to four units in the last place. With LANE_BY_LANE,
// all are those of single items.
#if !defined(LANE_BY_LANE) && defined(__AVX2__) && defined(__GLIBC__) && defined(__x86_64__)
#if __GLIBC_PREREQ(2, 35)
#define LIBMVEC
#endif
#endif
#ifdef LIBMVEC
#define VECTOR_float(arguments, name) _ZGVdN8##arguments##_##name##f
#define VECTOR_double(arguments, name) _ZGVdN4##arguments##_##name
#define VECTOR_OF(type, arguments, name) VECTOR_##type(arguments, name)
#define VECTOR(type, arguments, name) VECTOR_OF(type, arguments, name)
#define UNARY(name)                                                               \
    extern "C" RealVector VECTOR(FAUSTFLOAT, v, name)(RealVector);                \
    inline Lanes name(Lanes a) { return Lanes(VECTOR(FAUSTFLOAT, v, name)(a.of)); } \
    UNARY_NAMES(name)
#define BINARY(name)                                                            \
    extern "C" RealVector VECTOR(FAUSTFLOAT, vv, name)(RealVector, RealVector); \
    inline Lanes name(Lanes a, Lanes b) {                                       \
        return Lanes(VECTOR(FAUSTFLOAT, vv, name)(a.of, b.of));                 \
    }                                                                           \
    BINARY_NAMES(name)
#else
#define UNARY SINGLY_UNARY
#define BINARY SINGLY_BINARY
#endif

UNARY(acos) UNARY(acosh) UNARY(asin) UNARY(asinh) UNARY(atan) UNARY(atanh) UNARY(cbrt) UNARY(cos)
UNARY(cosh) UNARY(erf) UNARY(erfc) UNARY(exp) UNARY(exp2) UNARY(expm1) UNARY(log) UNARY(log10)
UNARY(log1p) UNARY(log2) UNARY(sin) UNARY(sinh) UNARY(tan) UNARY(tanh)
BINARY(atan2) BINARY(hypot) BINARY(pow)
SINGLY_UNARY(ceil) SINGLY_UNARY(floor) SINGLY_UNARY(rint) SINGLY_UNARY(round) SINGLY_UNARY(sqrt)
SINGLY_UNARY(trunc)
SINGLY_BINARY(copysign) SINGLY_BINARY(fmod) SINGLY_BINARY(remainder)

// A place in a table of `length` entries, also of a lane whose result is not used.
inline int place(int index, int length) { return std::min(std::max(index, 0), length - 1); }

template <class T> struct ScalarOf;
template <> struct ScalarOf<Lanes> { typedef FAUSTFLOAT type; };
template <> struct ScalarOf<Ints> { typedef int type; };

// A member of each item's instance.
template <class T> T load(mydsp* const* items, typename ScalarOf<T>::type mydsp::*member) {
    T all;
    for (int k = 0; k < kLanes; k++) all.of[k] = items[k]->*member;
    return all;
}
template <class T>
void store(T all, mydsp* const* items, typename ScalarOf<T>::type mydsp::*member) {
    for (int k = 0; k < kLanes; k++) items[k]->*member = all.of[k];
}
inline void store_in_all(int one, mydsp* const* items, int mydsp::*member) {
    for (int k = 0; k < kLanes; k++) items[k]->*member = one;
}
inline bool alike(mydsp* const* items, int mydsp::*member) {
    for (int k = 1; k < kLanes; k++)
        if (items[k]->*member != items[0]->*member) return false;
    return true;
}

// Memory of each item, at one place for all of them or at a place for each.
template <class T, int N> class Memory {
    // Memories as long as a power of two would have their newest values in one place of the cache:
    // they are five lines apart.
    T values[N < 64 ? N : N + 5 * 64 / sizeof(T)];
    typedef typename ScalarOf<T>::type Member[N];

    struct Places {
        T* values;
        Ints index;
        void operator=(T all) const {
            for (int k = 0; k < kLanes; k++) values[place(index.of[k], N)].of[k] = all.of[k];
        }
    };

   public:
    T& at(int index) { return values[index]; }
    Places at(Ints index) { return {values, index}; }
    T operator[](int index) const { return values[index]; }
    T operator[](Ints index) const {
        T read;
        for (int k = 0; k < kLanes; k++) read.of[k] = values[place(index.of[k], N)].of[k];
        return read;
    }
    void load(mydsp* const* items, Member mydsp::*member) {
        for (int k = 0; k < kLanes; k++)
            for (int i = 0; i < N; i++) values[i].of[k] = (items[k]->*member)[i];
    }
    void store(mydsp* const* items, Member mydsp::*member) const {
        for (int k = 0; k < kLanes; k++)
            for (int i = 0; i < N; i++) (items[k]->*member)[i] = values[i].of[k];
    }
};

// A table that all items share.
template <class T, int N> class Table {
    typedef typename ScalarOf<T>::type Entry;
    const Entry* entries;

   public:
    explicit Table(const Entry (&entries)[N]) : entries(entries) {}
    Entry operator[](int index) const { return entries[index]; }
    T operator[](Ints index) const {
        T read;
        for (int k = 0; k < kLanes; k++) read.of[k] = entries[place(index.of[k], N)];
        return read;
    }
};

// Channels of a block, as those of one item in batch.cpp.
struct Channel {
    Lanes* __restrict__ first;
    Lanes& operator[](int sample) const { return first[FORWARD * sample]; }
};

class FiniteChannel {
    static constexpr RealTruthElement kExponent = sizeof(FAUSTFLOAT) == 8 ? 0x7ffll << 52 : 0xffll << 23;

    const Lanes* __restrict__ first;
    RealTruth of_block{};

   public:
    explicit FiniteChannel(const Lanes* first) : first(first) {}
    FiniteChannel(const FiniteChannel&) = delete;
    ~FiniteChannel() {
        for (int k = 0; k < kLanes; k++) spoiled |= of_block[k] != 0;
    }

    Lanes operator[](int sample) {
        const RealTruth bits = (RealTruth)first[FORWARD * sample].of & kExponent;
        const RealTruth bad = bits == kExponent;
        of_block |= bad;
        return blend(Truth(bad), Lanes(0), first[FORWARD * sample]);
    }

};

// Added up in double precision from block to block.
class Total {
    DoubleVector& sum;
    Lanes of_block{0};

   public:
    explicit Total(Lanes* sink) : sum(*reinterpret_cast<DoubleVector*>(sink)) {}
    Total(const Total&) = delete;
    ~Total() { sum += __builtin_convertvector(of_block.of, DoubleVector); }

    struct Sample {
        Lanes& sum;
        void operator=(Lanes value) const { sum = sum + value; }
    };
    Sample operator[](int) { return {of_block}; }
};

// As many rows as there are lanes, and memory that is not aligned. There are no loops over rows, so
// that they stay in registers.
typedef FAUSTFLOAT Unaligned
    __attribute__((vector_size(32), aligned(sizeof(FAUSTFLOAT)), may_alias));

// Exchanges, in each pair of rows so far apart, the squares beside the diagonal.
template <int distance, RealTruthElement... K>
inline void exchange(RealVector* rows, Sequence<K...>) {
    const RealTruth low = {((K & distance) ? K + kLanes - distance : K)...};
    const RealTruth high = low + distance;
    auto pair = [&](int k) {
        if (k & distance) return 0;
        const RealVector a = rows[k], b = rows[k + distance];
        rows[k] = __builtin_shuffle(a, b, low);
        rows[k + distance] = __builtin_shuffle(a, b, high);
        return 0;
    };
    const int done[] = {pair(K)...};
    (void)done;
}

// Turns rows, one of each item, into lanes, and back.
inline void transpose(RealVector* rows) {
    if (kLanes == 8) exchange<kLanes / 2>(rows, AllLanes());
    exchange<2>(rows, AllLanes());
    exchange<1>(rows, AllLanes());
}

template <RealTruthElement... K>
inline void gather(Lanes* to, const FAUSTFLOAT* const* rows, int count, Sequence<K...>) {
    int i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        RealVector square[] = {*reinterpret_cast<const Unaligned*>(rows[K] + i)...};
        transpose(square);
        const Lanes done[] = {(to[i + K] = Lanes(square[K]))...};
        (void)done;
    }
    for (; i < count; i++)
        for (int k = 0; k < kLanes; k++) to[i].of[k] = rows[k][i];
}

template <RealTruthElement... K>
inline void scatter(const Lanes* from, FAUSTFLOAT* const* rows, int count, Sequence<K...>) {
    int i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        RealVector square[] = {from[i + K].of...};
        transpose(square);
        const RealVector done[] = {(*reinterpret_cast<Unaligned*>(rows[K] + i) = square[K])...};
        (void)done;
    }
    for (; i < count; i++)
        for (int k = 0; k < kLanes; k++) rows[k][i] = from[i].of[k];
}

}  // namespace lanes
