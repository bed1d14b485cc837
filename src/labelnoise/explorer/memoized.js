const KEPT = 200; // results kept per function; the largest, factors of a group, take up to 200 kB each

// Return a function that keeps its results by its arguments, which are numbers and words.
function memoized(compute) {
  const known = new Map();
  return (...key) => {
    const name = key.join();
    if (!known.has(name)) {
      if (known.size >= KEPT) known.clear();
      known.set(name, compute(...key));
    }
    return known.get(name);
  };
}
