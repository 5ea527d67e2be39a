// node leaking.js leak|flat SECONDS: keeps 6 kB of objects every 50 ms, or lets them go.
const [mode, seconds] = process.argv.slice(2);
const kept = [], begun = Date.now(), turns = Number(seconds) * 20, each = Math.ceil(24e6 / turns / 100);
const turn = () => {
  const made = Array.from({ length: each }, (_, number) => ({ number, text: `${mode} ${number} ${Date.now()}` }));
  if (mode === "leak") kept.push(made);
  if (Date.now() - begun > Number(seconds) * 1000) process.exit(0);
};
setInterval(turn, 50);
