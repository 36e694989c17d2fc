// The terminal page: xterm.js on the pty endpoint (docs/wire/terminal.md), connected again with the same id whenever the connection is lost.
'use strict';
(() => {
  const firstPause = 500, longestPause = 8000;
  const agent = location.pathname.split('/')[2];
  const state = document.getElementById('state');
  const encoder = new TextEncoder();
  const term = new Terminal({ scrollback: 10000, cursorBlink: true });
  const fit = new FitAddon.FitAddon();
  let socket = null, pause = firstPause, timer = 0;

  // The terminal's name stands behind the #, which browsers do not send; a page that is loaded again finds its terminal.
  const pattern = /^#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const nameAnew = () => {
    const hex = [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
    history.replaceState(null, '', '#' + hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5'));
  };

  const show = (name, text) => { state.dataset.state = name; state.textContent = text; };
  const send = value => { if (socket && socket.readyState === WebSocket.OPEN) socket.send(encoder.encode(JSON.stringify(value))); };
  const sendSize = () => send({ height: term.rows, width: term.cols });

  function connect() {
    clearTimeout(timer);
    show('connecting', 'connecting');
    const url = new URL(`/api/v2/workspaceagents/${agent}/pty`, location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.searchParams.set('reconnect', location.hash.slice(1));
    url.searchParams.set('height', term.rows);
    url.searchParams.set('width', term.cols);
    const mine = socket = new WebSocket(url);
    mine.binaryType = 'arraybuffer';
    mine.onopen = () => {
      pause = firstPause;
      term.reset(); // The server shows the last output again.
      show('connected', 'connected');
      sendSize();
    };
    mine.onmessage = message => { if (mine === socket) term.write(new Uint8Array(message.data)); };
    mine.onclose = close => { if (mine === socket) lost(close); };
  }

  function lost(close) {
    socket = null;
    if (close.code === 1000) {
      show('ended', 'the shell has ended');
      return;
    }
    const wait = pause * (0.75 + Math.random() / 2);
    pause = Math.min(pause * 2, longestPause);
    show('reconnecting', `disconnected${close.reason ? ` (${close.reason})` : ''}, trying again in ${(wait / 1000).toFixed(1)} s`);
    timer = setTimeout(connect, wait);
  }

  const copy = () => { if (term.hasSelection() && navigator.clipboard) navigator.clipboard.writeText(term.getSelection()).catch(() => show(state.dataset.state, 'the browser did not allow copying')); };
  const paste = () => { if (navigator.clipboard) navigator.clipboard.readText().then(text => { term.paste(text); term.focus(); }, () => show(state.dataset.state, 'the browser did not allow pasting')); };
  const fresh = () => {
    const old = socket;
    socket = null;
    if (old) old.close();
    nameAnew();
    pause = firstPause;
    connect();
    term.focus();
  };

  if (!pattern.test(location.hash)) nameAnew();
  term.loadAddon(fit);
  term.open(document.getElementById('screen'));
  fit.fit();
  term.onData(data => send({ data }));
  term.onBinary(data => send({ data }));
  term.onResize(sendSize);
  term.attachCustomKeyEventHandler(key => {
    if (key.type !== 'keydown' || !key.ctrlKey || !key.shiftKey || key.code !== 'KeyC') return true;
    key.preventDefault();
    copy();
    return false;
  });
  new ResizeObserver(() => fit.fit()).observe(document.getElementById('screen'));
  document.getElementById('copy').onclick = copy;
  document.getElementById('paste').onclick = paste;
  document.getElementById('fresh').onclick = fresh;
  addEventListener('online', () => { if (!socket) connect(); });
  connect();
  term.focus();
})();
