// The host of one Faust program: what a class made by `faust -lang cpp` expects around it, and that
// class as C functions. FAUSTFLOAT (float or double) comes from the command line and is also the
// precision of the generated class.

#include <cmath>

struct Meta {
    virtual void declare(const char* key, const char* value) = 0;
};

struct Soundfile {
    void* fBuffers;
    int* fLength;
    int* fSR;
    int* fOffset;
};

struct dsp {
    virtual ~dsp() {}
};

// Every sound is the one that Faust's own hosts give for a missing file: 1024 frames of silence,
// unless a caller fills them.
struct DefaultSound : Soundfile {
    static const int frames = 1024, parts = 256, channels = 64;
    FAUSTFLOAT samples[frames] = {};
    FAUSTFLOAT* buffers[channels];
    int lengths[parts], rates[parts], offsets[parts];

    DefaultSound() {
        fBuffers = buffers;
        fLength = lengths;
        fSR = rates;
        fOffset = offsets;
        for (FAUSTFLOAT*& buffer : buffers) buffer = samples;
        for (int part = 0; part < parts; part++) {
            lengths[part] = frames;
            rates[part] = 44100;
            offsets[part] = 0;
        }
    }
};

static DefaultSound sound_of_all;
static Soundfile* const defaultsound = &sound_of_all;

// One call per event of the user interface; the caller puts them together.
typedef void (*Listener)(const char* event, const char* label, const char* value, FAUSTFLOAT* zone,
                         double init, double min, double max, double step);

struct UI {
    Listener tell;

    void open(const char* label) { tell("open", label, "", nullptr, 0, 0, 0, 0); }
    void openTabBox(const char* label) { open(label); }
    void openHorizontalBox(const char* label) { open(label); }
    void openVerticalBox(const char* label) { open(label); }
    void closeBox() { tell("close", "", "", nullptr, 0, 0, 0, 0); }

    void addButton(const char* label, FAUSTFLOAT* zone) {
        tell("button", label, "", zone, 0, 0, 1, 1);
    }
    void addCheckButton(const char* label, FAUSTFLOAT* zone) {
        tell("checkbox", label, "", zone, 0, 0, 1, 1);
    }
    void addHorizontalSlider(const char* label, FAUSTFLOAT* zone, FAUSTFLOAT init, FAUSTFLOAT min,
                             FAUSTFLOAT max, FAUSTFLOAT step) {
        tell("hslider", label, "", zone, init, min, max, step);
    }
    void addVerticalSlider(const char* label, FAUSTFLOAT* zone, FAUSTFLOAT init, FAUSTFLOAT min,
                           FAUSTFLOAT max, FAUSTFLOAT step) {
        tell("vslider", label, "", zone, init, min, max, step);
    }
    void addNumEntry(const char* label, FAUSTFLOAT* zone, FAUSTFLOAT init, FAUSTFLOAT min,
                     FAUSTFLOAT max, FAUSTFLOAT step) {
        tell("nentry", label, "", zone, init, min, max, step);
    }
    void addHorizontalBargraph(const char* label, FAUSTFLOAT* zone, FAUSTFLOAT min,
                               FAUSTFLOAT max) {
        tell("hbargraph", label, "", zone, min, min, max, 0);
    }
    void addVerticalBargraph(const char* label, FAUSTFLOAT* zone, FAUSTFLOAT min, FAUSTFLOAT max) {
        tell("vbargraph", label, "", zone, min, min, max, 0);
    }
    void addSoundfile(const char* label, const char* url, Soundfile** sound) {
        tell("soundfile", label, url, nullptr, 0, 0, 0, 0);
        *sound = defaultsound;
    }
    void declare(FAUSTFLOAT* zone, const char* key, const char* value) {
        tell("declare", key, value, zone, 0, 0, 0, 0);
    }
};

// Takes no notice: what it does to an instance is to give it its sounds.
static void ignore(const char*, const char*, const char*, FAUSTFLOAT*, double, double, double,
                   double) {}

#include "program.hpp"

#define API extern "C" __attribute__((visibility("default")))

API mydsp* create(int sample_rate) {
    mydsp* instance = new mydsp();
    instance->init(sample_rate);
    UI ui{ignore};
    instance->buildUserInterface(&ui);
    return instance;
}

API void destroy(mydsp* instance) { delete instance; }

API int inputs(mydsp* instance) { return instance->getNumInputs(); }

API int outputs(mydsp* instance) { return instance->getNumOutputs(); }

API void describe(mydsp* instance, Listener tell) {
    UI ui{tell};
    instance->buildUserInterface(&ui);
}

// The frames of the sound of all sound files, which the caller may change; returns their number.
API int sound(FAUSTFLOAT** samples) {
    *samples = sound_of_all.samples;
    return DefaultSound::frames;
}

// `in` and `out` hold the channels one after the other, `frames` values each.
API void compute(mydsp* instance, FAUSTFLOAT* in, FAUSTFLOAT* out, int frames, int block) {
    const size_t inputs = instance->getNumInputs(), outputs = instance->getNumOutputs();
    // A vector would take g++ a fifth of the time of a small program.
    FAUSTFLOAT** const sources = new FAUSTFLOAT*[inputs + outputs];
    FAUSTFLOAT** const sinks = sources + inputs;
    for (int start = 0; start < frames; start += block) {
        for (size_t i = 0; i < inputs; i++) sources[i] = in + i * frames + start;
        for (size_t i = 0; i < outputs; i++) sinks[i] = out + i * frames + start;
        int count = block < frames - start ? block : frames - start;
        instance->compute(count, sources, sinks);
    }
    delete[] sources;
}
