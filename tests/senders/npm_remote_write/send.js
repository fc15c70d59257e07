// Sends twice: send.js URL PACKAGE.
const [url, name] = process.argv.slice(2);
const { pushMetrics, pushTimeseries } = require(name);

(async () => {
  const options = { url, labels: { job: "demo" }, fetch };
  const labels = { __name__: "demo_temperature_celsius", room: "küche" };
  console.log(await pushTimeseries({ labels, samples: [{ value: 21.5, timestamp: Date.now() }] }, options));
  console.log(await pushMetrics({ demo_queue_depth: 7 }, options));
})();
