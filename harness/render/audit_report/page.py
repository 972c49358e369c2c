"""Style and script of the audit page."""

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;
  color:#1b1b1b;background:#fff}
h1{font-size:1.5rem;margin:0 0 1rem}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{padding:.3rem .5rem;text-align:left;vertical-align:top;border-bottom:1px solid #ddd}
th{background:#f3f5f4}
.findings td:nth-child(-n+2){white-space:nowrap}
.findings td:nth-child(3),.findings td:nth-child(4){overflow-wrap:anywhere}
.findings td:nth-child(n+3){min-width:9rem}
.findings td:nth-child(n+6){color:#555;min-width:11rem}
.counts{display:flex;gap:1rem;flex-wrap:wrap;margin-bottom:.8rem}
.counts div{border-left:6px solid #888;padding:.2rem 1rem;background:#f3f5f4}
.counts b{font-size:1.4rem;margin-right:.4rem}
.entry{border:1px solid #ccc;border-left:6px solid #888;border-radius:4px;padding:.4rem 1rem;
  margin:.4rem 0;content-visibility:auto;contain-intrinsic-size:auto 2.4rem}
.entry summary{overflow-wrap:anywhere}
.entry.invalid,.counts .invalid{border-left-color:#b5533c}
.entry.questioned,.counts .questioned{border-left-color:#7d5ba6}
.entry.valid,.counts .valid{border-left-color:#4c8c4a}
.entry.unjudged,.counts .unjudged{border-left-color:#c9a227}
.entry ul{margin:.3rem 0;padding-left:1.2rem;overflow-wrap:anywhere}
tr.fail td:first-child{color:#a5351d;font-weight:600}
tr.question td:first-child{color:#6a4593;font-weight:600}
tr.error td:first-child{color:#8a6d00;font-weight:600}
tr.skip td{color:#666}
.note{color:#555;font-size:.85rem;margin:.2rem 0}
.plot{overflow-x:auto}
svg{display:block;width:100%;min-width:44rem;height:auto;margin:.5rem 0}
form{display:flex;gap:1rem;flex-wrap:wrap;margin:1rem 0}
.hidden{display:none}
summary{cursor:pointer}
@media(max-width:56rem){
  .findings th{display:none}
  .findings tr{display:block;padding:.4rem 0;border-bottom:1px solid #ddd}
  .findings tr.hidden{display:none}
  .findings td{display:block;border:0;padding:0}
  .findings td:nth-child(-n+2){display:inline;margin-right:.6rem;font-weight:600}
  .findings td:nth-child(4)::before{content:'got '}
  .findings td:nth-child(5)::before{content:'expected '}
}
@media(prefers-color-scheme:dark){
  body{background:#161a19;color:#e8e8e8}
  th,.counts div{background:#24302c}
  td,th,.findings tr{border-color:#333}
  .note,tr.skip td,.findings td:nth-child(n+6){color:#aaa}
  a{color:#8fc1e9}
  tr.fail td:first-child{color:#f0917c}
  tr.question td:first-child{color:#c3a6e6}
  tr.error td:first-child{color:#e0c060}
  svg{background:#f7f8f7;padding:.4rem;box-sizing:border-box}
  .entry{border-color:#444}
}
"""

SCRIPT = """
(function () {
  var verdict = document.getElementById('verdict');
  var rule = document.getElementById('rule');
  var search = document.getElementById('search');
  var shown = document.getElementById('shown');
  var entries = document.querySelectorAll('.entry');

  function matches(entry, words) {
    var rules = (entry.dataset.rules || '').split(' ');
    if (verdict.value && entry.dataset.verdict !== verdict.value) return false;
    if (rule.value && rules.indexOf(rule.value) < 0) return false;
    if (!words.length) return true;
    var text = entry.textContent.toLowerCase();
    return words.every(function (word) { return text.indexOf(word) >= 0; });
  }

  function update() {
    var count = 0;
    var words = search.value.toLowerCase().split(' ').filter(Boolean);
    entries.forEach(function (entry) {
      var visible = matches(entry, words);
      entry.classList.toggle('hidden', !visible);
      if (visible) count++;
      entry.querySelectorAll('[data-rule]').forEach(function (row) {
        row.classList.toggle('hidden', !!rule.value && row.dataset.rule !== rule.value);
      });
    });
    shown.textContent = count.toLocaleString('en');
  }

  function openTarget() {
    var target = document.getElementById(location.hash.slice(1));
    if (target && target.tagName === 'DETAILS') target.open = true;
  }

  verdict.addEventListener('change', update);
  rule.addEventListener('change', update);
  search.addEventListener('input', update);
  window.addEventListener('hashchange', openTarget);
  if (verdict.value || rule.value || search.value) update();
  else shown.textContent = entries.length.toLocaleString('en');
  openTarget();
})();
"""
