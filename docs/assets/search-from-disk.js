// Browsers start no worker from a file. Where the pages are read from a disk, the script of a worker
// runs in a hidden frame instead, and messages go to and fro as events.
if (location.protocol === "file:") {
    window.Worker = class extends EventTarget {
        constructor(url) {
            super();
            this.waiting = [];
            this.frame = Object.assign(document.createElement("iframe"), { hidden: true, title: "Search" });
            document.addEventListener("DOMContentLoaded", () => this.start(url));
            if (document.readyState !== "loading") this.start(url);
        }

        start(url) {
            if (this.frame.isConnected) return;
            document.body.append(this.frame);
            const inner = this.frame.contentWindow;
            inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
            const script = inner.document.createElement("script");
            script.src = url;
            script.onload = () => {
                this.inner = inner;
                for (const data of this.waiting) this.postMessage(data);
            };
            inner.document.head.append(script);
        }

        postMessage(data) {
            if (this.inner) this.inner.dispatchEvent(new this.inner.MessageEvent("message", { data }));
            else this.waiting.push(data);
        }

        terminate() {
            this.frame.remove();
        }
    };
}
