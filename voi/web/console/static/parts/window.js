// Which rows of a long list are in sight: pure arithmetic.

/**
 * @param {number} top pixels scrolled
 * @param {number} height pixels in sight
 * @param {number} rowHeight
 * @param {number} count rows in all
 * @param {number} spare rows rendered beyond each edge
 * @returns {{first: number, last: number}} `last` is not in it
 */
export function inSight(top, height, rowHeight, count, spare) {
  const first = Math.max(0, Math.min(Math.floor(top / rowHeight) - spare, count - 1));
  const last = Math.min(count, Math.ceil((top + height) / rowHeight) + spare);
  return { first, last: Math.max(first, last) };
}

/**
 * The scroll position that brings a row into sight, the nearest to where we are.
 * @param {number} index
 * @param {number} top
 * @param {number} height pixels for rows, without the head
 * @param {number} rowHeight
 */
export function reach(index, top, height, rowHeight) {
  const start = index * rowHeight;
  if (start < top) return start;
  if (start + rowHeight > top + height) return start + rowHeight - height;
  return top;
}
