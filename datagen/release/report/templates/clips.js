// The clips of a pair play together while they are seen.
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const start = clips => clips.forEach(clip => { clip.currentTime = 0; clip.play().catch(() => {}); });
const seen = new IntersectionObserver(rows => rows.forEach(row => {
  const clips = all("video", row.target);
  if (row.isIntersecting && !still) start(clips); else clips.forEach(clip => clip.pause());
}));
all(".clips").forEach(row => {
  const clips = all("video", row);
  const button = row.closest(".pair").querySelector(".slow");
  const slow = () => {
    const fast = clips[0].playbackRate < 1;
    clips.forEach(clip => { clip.playbackRate = fast ? 1 : 0.2; });
    button.setAttribute("aria-pressed", String(!fast));
    if (clips[0].paused) start(clips);
  };
  clips[0].addEventListener("ended", () => { if (!still) start(clips); });
  row.addEventListener("click", slow);
  button.addEventListener("click", slow);
  seen.observe(row);
});
