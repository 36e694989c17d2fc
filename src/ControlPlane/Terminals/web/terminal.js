// The terminal page: xterm.js on the pty endpoint (docs/wire/terminal.md), connected again with the same id whenever the connection is lost.
'use strict';
(() => {
  const firstPause = 500, longestPause = 8000;
  const patience = 10000, probePatience = 5000;
  const agent = location.pathname.split('/')[2];
  const state = document.getElementById('state');
  const encoder = new TextEncoder();
  const term = new Terminal({ scrollback: 10000, cursorBlink: true });
  const fit = new FitAddon.FitAddon();
  // What an edge writes while there is no server behind it, as messages of their own (docs/wire/websocket-streams.md).
  const pausedBy = '\x18\x1b[0m\r\n[connection to the server lost: paused', resumedBy = '\x18\x1bc[connection resumed]';
  const longestNotice = 120;
  const decoder = new TextDecoder();
  let socket = null, pause = firstPause, timer = 0;
  let typedAt = 0, probing = false;

  // The terminal's name stands behind the #, which browsers do not send; a page that is loaded again finds its terminal.
  const pattern = /^#[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  const nameAnew = () => {
    const hex = [...crypto.getRandomValues(new Uint8Array(16))].map(b => b.toString(16).padStart(2, '0')).join('');
    history.replaceState(null, '', '#' + hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-4$3-a$4-$5'));
  };

  // Only where typing arrives does the cursor blink.
  const show = (name, text) => {
    state.dataset.state = name;
    state.textContent = text;
    term.options.cursorBlink = name === 'connected';
  };
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
    mine.onmessage = message => { if (mine === socket) take(new Uint8Array(message.data)); };
    mine.onclose = close => { if (mine === socket) lost(close); };
  }

  function take(bytes) {
    term.write(bytes);
    typedAt = 0;
    const text = bytes.length <= longestNotice ? decoder.decode(bytes) : '';
    if (text.startsWith(pausedBy)) show('paused', 'the server is away, typing is discarded');
    else if (text.startsWith(resumedBy) || state.dataset.state === 'silent') show('connected', 'connected');
  }

  // A connection whose other end is gone without a word looks alive, and a browser tells nothing of the server's pings: when typing has no
  // effect, or the network was away, another request tells.
  async function probe() {
    if (!socket || probing) return;
    const mine = socket;
    probing = true;
    try {
      await fetch('/terminal/assets/terminal.css', { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(probePatience) });
      if (mine === socket && !typedAt && state.dataset.state === 'silent') show('connected', 'connected');
    } catch {
      if (mine === socket) {
        mine.close();
        lost({ code: 1006, reason: 'the server does not answer' });
      }
    } finally {
      probing = false;
    }
  }

  function watch() {
    if (!typedAt || !socket || (state.dataset.state !== 'connected' && state.dataset.state !== 'silent')) return;
    const silent = Date.now() - typedAt;
    if (silent < patience) return;
    show('silent', `connected, but nothing has come since you typed ${Math.round(silent / 1000)} s ago`);
    probe();
  }

  function lost(close) {
    socket = null;
    typedAt = 0;
    if (close.code === 1000) {
      show('ended', 'the shell has ended');
      term.write('\r\n[the shell has ended]\r\n');
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
  const type = data => { send({ data }); typedAt ||= Date.now(); };
  term.onData(type);
  term.onBinary(type);
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
  addEventListener('online', () => { if (socket) probe(); else if (state.dataset.state !== 'ended') connect(); });
  addEventListener('offline', () => { if (socket) show('silent', 'this machine is offline'); });
  setInterval(watch, 1000);
  connect();
  term.focus();
})();
