// The audio thread: a learner, what is heard of it on three outputs, and reports to the page.

/** Reports in a second. */
const REPORTS = 20;
/** The outputs of the processor, in order. */
const HEARD = ["input", "truth", "learned"];

class LearningProcessor extends AudioWorkletProcessor {
    constructor({ processorOptions }) {
        super();
        this.learner = learnerOf(processorOptions.plan, sampleRate);
        this.frames = 0;
        this.reported = 0;
        this.loss = 0;
        for (const [call, given] of processorOptions.calls) this.learner[call](...given);
        this.port.onmessage = ({ data: [call, ...given] }) => {
            this.learner[call](...given);
            if (call === "reset") this.frames = this.reported = this.loss = 0;
        };
    }

    process(_, outputs) {
        const frames = outputs[0][0].length;
        this.learner.process(frames);
        HEARD.forEach((name, i) => {
            const heard = this.learner.heard[name];
            // One channel is heard on both sides.
            if (heard) outputs[i].forEach((channel, side) => channel.set(heard[Math.min(side, heard.length - 1)].subarray(0, frames)));
        });
        this.frames += frames;
        this.loss += this.learner.loss * frames;
        const passed = this.frames - this.reported;
        if (passed >= sampleRate / REPORTS) {
            this.port.postMessage({
                seconds: this.frames / sampleRate,
                loss: this.loss / passed,
                lost: this.learner.lost,
                values: this.learner.values(),
                meters: this.learner.meters(),
            });
            this.reported = this.frames;
            this.loss = 0;
        }
        return true;
    }
}

registerProcessor("learning", LearningProcessor);
