// Figures as people read them.

// 0:07, 12:34, 1:02:03
export function duration(ms) {
  const seconds = Math.floor(Math.max(0, ms ?? 0) / 1000);
  const pad = (value) => String(value).padStart(2, "0");
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}:${pad(seconds % 60)}`;
  return `${Math.floor(minutes / 60)}:${pad(minutes % 60)}:${pad(seconds % 60)}`;
}

// Decimal units, as file managers and disks have them.
export function bytes(count) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6]]) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  }
  return `${Math.round((count ?? 0) / 1e3)} kB`;
}

// Today and yesterday by name, other days by date; the hour as this browser's language has it.
export function moment(iso, now = new Date()) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  const days = Math.ceil((midnight - date) / 86_400_000);
  const time = date.toLocaleTimeString([], { timeStyle: "medium" });
  if (days <= 0 && date - midnight < 86_400_000) return `Today, ${time}`;
  if (days === 1) return `Yesterday, ${time}`;
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  const day = date.toLocaleDateString([], { day: "numeric", month: "short", ...year });
  return `${day}, ${time}`;
}

// 40 s, 12 min, 3 h 5 min, 2 days
export function span(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} days`;
}

export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
