// The vendored libraries under the names our modules import; index.html loads them first.
const { h, render, Component, Fragment } = globalThis.preact;
const { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } = globalThis.preactHooks;

/** Tagged template that makes elements; what is inserted becomes text, attributes or children, never markup. */
const html = globalThis.htm.bind(h);

export { Component, Fragment, html, render, useEffect, useId, useLayoutEffect, useMemo, useRef, useState };
