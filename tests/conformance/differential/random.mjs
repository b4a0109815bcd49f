// SPDX-License-Identifier: Apache-2.0
// Numbers that only depend on the seed (mulberry32), and choices made with them.

const STEP = 0x6d2b79f5;

export class Random {
  constructor(seed) { this.state = seed >>> 0; }
  next() {
    this.state = (this.state + STEP) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }
  below(n) { return this.next() % n; }
  chance(percent) { return this.next() % 10000 < percent * 100; }
  pick(list) { return list[this.below(list.length)]; }
  some(list, percent) { return list.filter(() => this.chance(percent)); }
  times(n, make) { return Array.from({ length: n }, (_, i) => make(i)); }
}
