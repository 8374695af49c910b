// A batch of items of one Faust program, run on threads: each item has signals, slider values and a
// state of its own. With LANES, items run side by side in the lanes of vectors. FORWARD is 1, or -1
// for a program whose signals run backwards in time: its first sample is the last in memory. RATE is
// the sample rate in Hz; it is a constant here because instances of one library share their constant
// tables.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>
// The threads of C++, and what goes with them, take three times as long to read as all the rest.
#include <pthread.h>

// A block of one channel, by the number of the sample in the time of the program.
struct Channel {
    FAUSTFLOAT* __restrict__ first;
    FAUSTFLOAT& operator[](int sample) const { return first[FORWARD * sample]; }
};

// Whether an input of this thread, of those that have to be finite, had a sample that was not.
static thread_local bool spoiled;

// A block of an input that has to be finite. The program, which may look for a sample that is none
// in a table, gets 0 instead. Told in the loop of the program, where it costs next to nothing: by
// integers, since the loop waits for its sums, and without a second reading from memory.
class FiniteChannel {
    using Bits = std::conditional<sizeof(FAUSTFLOAT) == 8, std::uint64_t, std::uint32_t>::type;
    static constexpr Bits kExponent = sizeof(FAUSTFLOAT) == 8 ? 0x7ffull << 52 : 0xffu << 23;

    const FAUSTFLOAT* __restrict__ first;
    bool of_block = false;

   public:
    explicit FiniteChannel(const FAUSTFLOAT* first) : first(first) {}
    FiniteChannel(const FiniteChannel&) = delete;
    ~FiniteChannel() { spoiled |= of_block; }

    FAUSTFLOAT operator[](int sample) {
        const FAUSTFLOAT value = first[FORWARD * sample];
        Bits bits;
        memcpy(&bits, &value, sizeof bits);
        const bool finite = (bits & kExponent) != kExponent;
        of_block |= !finite;
        return finite ? value : FAUSTFLOAT(0);
    }
};

// The sum of a block of an output, which is kept nowhere else: added up in a register, and in double
// precision, for sums over time may cancel.
class Total {
    double& sum;
    double of_block = 0;

   public:
    explicit Total(FAUSTFLOAT* sink) : sum(*reinterpret_cast<double*>(sink)) {}
    Total(const Total&) = delete;
    ~Total() { sum += of_block; }

    struct Sample {
        double& sum;
        void operator=(FAUSTFLOAT value) const { sum += value; }
    };
    Sample operator[](int) { return {of_block}; }
};

#include "host.cpp"

// One channel of all items: the sample with the lowest address, and the bytes from item to item.
// Without a start, an input is silent and an output is dropped. With `beside`, the samples of items
// that run side by side are, too, and the stride is that from all their lanes to the next ones.
struct Signal {
    char* start;
    long long stride, beside;
};

struct Job {
    // Items from `first` on, to before `items`.
    int first, items, frames, block, threads;
    // How many of the last outputs are wanted as sums over time alone; they have no signal.
    int sums;
    const Signal *inputs, *outputs;
    const double* values;  // (items, controls), in the order of `describe`, without bargraphs
    const char* initial;   // (items, size of a state), or null for a fresh instance
    char* final;           // the same, or null
    double* totals;        // (items, sums)
};

// Decaying tails end in denormal numbers, which are a hundred times slower than others. The header
// with the names of these functions takes longer to read than all the rest.
class FlushDenormals {
#if defined(__SSE2__)
    unsigned int saved = __builtin_ia32_stmxcsr();

   public:
    FlushDenormals() { __builtin_ia32_ldmxcsr(saved | 0x8040); }
    ~FlushDenormals() { __builtin_ia32_ldmxcsr(saved); }
#else
   public:
    FlushDenormals() {}
#endif
};

static std::vector<FAUSTFLOAT*>* zones;

static void collect(const char* event, const char*, const char*, FAUSTFLOAT* zone, double, double,
                    double, double) {
    if (zone && strcmp(event, "declare") && !strstr(event, "bargraph")) zones->push_back(zone);
}

// A state is all of an instance but the pointer that its class begins with.
static const size_t kState = sizeof(mydsp) - sizeof(void*);
static char* state(mydsp& instance) { return reinterpret_cast<char*>(&instance) + sizeof(void*); }

class Batch {
    mydsp fresh;
    std::vector<size_t> offsets;  // of the controls, in an instance
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    std::vector<mydsp*> idle;

   public:
    const int inputs, outputs;

    Batch() : inputs(fresh.getNumInputs()), outputs(fresh.getNumOutputs()) {
        fresh.init(RATE);
        std::vector<FAUSTFLOAT*> found;
        zones = &found;
        UI ui{collect};
        fresh.buildUserInterface(&ui);
        for (FAUSTFLOAT* zone : found)
            offsets.push_back(reinterpret_cast<char*>(zone) - reinterpret_cast<char*>(&fresh));
    }

    ~Batch() {
        for (mydsp* instance : idle) delete instance;
        pthread_mutex_destroy(&mutex);
    }

    // An instance for a worker, who gives it back.
    mydsp* take() {
        pthread_mutex_lock(&mutex);
        mydsp* instance = nullptr;
        if (!idle.empty()) {
            instance = idle.back();
            idle.pop_back();
        }
        pthread_mutex_unlock(&mutex);
        return instance ? instance : new mydsp();
    }

    void give_back(mydsp* instance) {
        pthread_mutex_lock(&mutex);
        idle.push_back(instance);
        pthread_mutex_unlock(&mutex);
    }

    void prepare(mydsp& instance, const Job& job, int item) const {
        if (job.initial) {
            memcpy(state(instance), job.initial + item * kState, kState);
            // Pointers to sounds are those of this process.
            UI ui{ignore};
            instance.buildUserInterface(&ui);
        } else {
            memcpy(state(instance), state(const_cast<mydsp&>(fresh)), kState);
        }
        const double* values = job.values + item * offsets.size();
        for (size_t i = 0; i < offsets.size(); i++) {
            char* zone = reinterpret_cast<char*>(&instance) + offsets[i];
            *reinterpret_cast<FAUSTFLOAT*>(zone) = values[i];
        }
    }

    void finish(mydsp& instance, const Job& job, int item) const {
        if (job.final) memcpy(job.final + item * kState, state(instance), kState);
    }
};

#ifdef LANES
// The blocks of as many items as there are lanes, the first of them `base`.
class LaneBlocks {
    static const int kFrames = 256;
    // Sums are added up in the precision of the program over so many frames, and then in double.
    static const int kBlock = 16;
    using Lanes = lanes::Lanes;

    const Job& job;
    const int base, signals;
    // The first frame of a block, how many there are, and of how many the program has computed.
    int start = 0, count = 0, done = 0;
    // Copies of blocks, of channels that are not in the order of lanes; no more for absent ones than
    // the program computes at a time.
    std::vector<Lanes> memory;
    std::vector<lanes::DoubleVector> sums;
    // The sample of lowest address of a channel where it is used, and those of this time.
    std::vector<Lanes*> read, written, sources, sinks;

    static bool copied(const Signal& signal) { return signal.start && !signal.beside; }
    static int length(const Signal& signal) {
        return signal.beside ? 0 : signal.start ? kFrames : kBlock;
    }

    // Where the channel is used, or its place in the memory that begins here.
    Lanes* place(const Signal& signal, Lanes*& memory) const {
        if (!signal.beside) return (memory += length(signal)) - length(signal);
        return reinterpret_cast<Lanes*>(signal.start + base / lanes::kLanes * signal.stride);
    }

    // The first sample in the time of the program.
    Lanes* first(const Signal& signal, Lanes* channel) const {
        const int before = signal.beside ? start + done : signal.start ? done : 0;
        const int all = signal.beside ? job.frames : signal.start ? count : kBlock;
        return channel + (FORWARD > 0 ? before : all - 1 - before);
    }

    // The samples of a block in a channel of each item.
    void rows(const Signal& signal, FAUSTFLOAT** rows) const {
        const int first = FORWARD > 0 ? start : job.frames - start - count;
        for (int k = 0; k < lanes::kLanes; k++) {
            char* channel = signal.start + (base + k) * signal.stride;
            rows[k] = reinterpret_cast<FAUSTFLOAT*>(channel) + first;
        }
    }

    void gather() {
        FAUSTFLOAT* row[lanes::kLanes];
        for (size_t i = 0; i < read.size(); i++) {
            if (!copied(job.inputs[i])) continue;
            rows(job.inputs[i], row);
            lanes::gather(read[i], row, count, lanes::AllLanes());
        }
    }

    void scatter() {
        FAUSTFLOAT* row[lanes::kLanes];
        for (int i = 0; i < signals; i++) {
            if (!copied(job.outputs[i])) continue;
            rows(job.outputs[i], row);
            lanes::scatter(written[i], row, count, lanes::AllLanes());
        }
    }

   public:
    LaneBlocks(const Batch& batch, const Job& job, int base)
        : job(job),
          base(base),
          signals(batch.outputs - job.sums),
          sums(job.sums),
          read(batch.inputs),
          written(signals),
          sources(batch.inputs),
          sinks(batch.outputs) {
        int size = 0;
        for (int i = 0; i < batch.inputs; i++) size += length(job.inputs[i]);
        for (int i = 0; i < signals; i++) size += length(job.outputs[i]);
        memory.assign(size, Lanes(0));
        Lanes* next = memory.data();
        for (int i = 0; i < batch.inputs; i++) read[i] = place(job.inputs[i], next);
        for (int i = 0; i < signals; i++) written[i] = place(job.outputs[i], next);
        for (int i = 0; i < job.sums; i++)
            sinks[signals + i] = reinterpret_cast<Lanes*>(&sums[i]);
    }

    // The frames of the next block, 0 if the last one was.
    int next() {
        if (done == count) {
            scatter();
            start += count;
            done = 0;
            count = std::min(kFrames, job.frames - start);
            gather();
        }
        for (size_t i = 0; i < read.size(); i++) sources[i] = first(job.inputs[i], read[i]);
        for (int i = 0; i < signals; i++) sinks[i] = first(job.outputs[i], written[i]);
        const int frames = std::min(kBlock, count - done);
        done += frames;
        return frames;
    }

    Lanes* const* inputs() const { return sources.data(); }
    Lanes* const* outputs() const { return sinks.data(); }

    void store_totals() const {
        for (int k = 0; k < lanes::kLanes; k++)
            for (int i = 0; i < job.sums; i++)
                job.totals[size_t(base + k) * job.sums + i] = sums[i][k];
    }
};

// Runs as many items as there are lanes, the first of them `base`, side by side.
class Worker {
    Batch& batch;
    const Job& job;

   public:
    static const int kItems = lanes::kLanes;

    Worker(Batch& batch, const Job& job) : batch(batch), job(job) {}

    // Whether the times of the items are the same; else, nothing is computed.
    bool run(int base) {
        mydsp* items[kItems];
        for (int k = 0; k < kItems; k++) batch.prepare(*(items[k] = batch.take()), job, base + k);
        const bool alike = lanes::Instance::alike(items);
        if (alike) {
            LaneBlocks blocks(batch, job, base);
            std::unique_ptr<lanes::Instance>(new lanes::Instance())->compute(items, blocks);
            blocks.store_totals();
        }
        for (int k = 0; k < kItems; k++) {
            batch.finish(*items[k], job, base + k);
            batch.give_back(items[k]);
        }
        return alike;
    }
};
#else
// Runs one item after the other.
class Worker {
    Batch& batch;
    const Job& job;
    mydsp* const instance;
    std::vector<FAUSTFLOAT> silence, dropped;
    std::vector<FAUSTFLOAT*> sources, sinks;

    // The first sample of a block of `count` samples that begins after `start` of them.
    FAUSTFLOAT* place(const Signal& signal, int item, int start, int count,
                      std::vector<FAUSTFLOAT>& otherwise) const {
        if (!signal.start) return otherwise.data() + (FORWARD > 0 ? 0 : count - 1);
        FAUSTFLOAT* channel = reinterpret_cast<FAUSTFLOAT*>(signal.start + item * signal.stride);
        return channel + (FORWARD > 0 ? start : job.frames - 1 - start);
    }

   public:
    static const int kItems = 1;

    Worker(Batch& batch, const Job& job)
        : batch(batch),
          job(job),
          instance(batch.take()),
          silence(job.block),
          dropped(job.block),
          sources(batch.inputs),
          sinks(batch.outputs) {}
    Worker(const Worker&) = delete;
    ~Worker() { batch.give_back(instance); }

    bool run(int item) {
        batch.prepare(*instance, job, item);
        double* totals = job.totals + size_t(item) * job.sums;
        std::fill_n(totals, job.sums, 0.0);
        const int signals = batch.outputs - job.sums;
        for (int i = 0; i < job.sums; i++)
            sinks[signals + i] = reinterpret_cast<FAUSTFLOAT*>(totals + i);
        for (int start = 0; start < job.frames; start += job.block) {
            const int count = std::min(job.block, job.frames - start);
            for (int i = 0; i < batch.inputs; i++)
                sources[i] = place(job.inputs[i], item, start, count, silence);
            for (int i = 0; i < signals; i++)
                sinks[i] = place(job.outputs[i], item, start, count, dropped);
            instance->compute(count, sources.data(), sinks.data());
        }
        batch.finish(*instance, job, item);
        return true;
    }
};
#endif

API Batch* open_batch() { return new Batch(); }

API void close_batch(Batch* batch) { delete batch; }

API long long state_size() { return kState; }

// What a call says of itself.
enum Result { kDone, kNotFinite, kTimesDiffer };

// What the threads of one call share: the next item, and what was found.
struct Run {
    Batch& batch;
    const Job& job;
    std::atomic<int> next{job.first};
    std::atomic<bool> finite{true}, alike{true};

    static void* work(void* run) {
        static_cast<Run*>(run)->work();
        return nullptr;
    }

    void work() {
        FlushDenormals flush;
        Worker worker(batch, job);
        spoiled = false;
        for (int item; (item = next.fetch_add(Worker::kItems)) < job.items;)
            if (!worker.run(item)) alike = false;
        if (spoiled) finite = false;
    }
};

// A multiple of `batch_lanes` of items.
API int run_batch(Batch* batch, const Job* job) {
    Run run{*batch, *job};
    std::vector<pthread_t> threads;
    const int pieces = (job->items - job->first) / Worker::kItems;
    for (int i = 1; i < std::min(job->threads, pieces); i++) {
        pthread_t thread;
        // Without another thread, this one does the work.
        if (pthread_create(&thread, nullptr, Run::work, &run)) break;
        threads.push_back(thread);
    }
    run.work();
    for (pthread_t thread : threads) pthread_join(thread, nullptr);
    return !run.alike ? kTimesDiffer : !run.finite ? kNotFinite : kDone;
}

// How many items run side by side.
API int batch_lanes() { return Worker::kItems; }
