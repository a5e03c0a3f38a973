//! Every outputter against what Salt 3006.30 printed for the same data.

use std::fs;

use super::*;

#[test]
#[ignore = "needs a file that is not in the repository"]
fn the_oracle() {
    let text = fs::read_to_string("/work/shared/oracle/orch-return.json").unwrap();
    let data: Value = serde_json::from_str(&text).unwrap();
    let data = data.get("data").unwrap().get("return").unwrap();
    let mut style = Style::plain();
    let said = render(data, Some("highstate"), &style, 0);
    fs::write("/work/t/cli-mine.txt", said + "\n").unwrap();
    style.palette = Palette::new(true);
    let said = render(data, Some("highstate"), &style, 0);
    fs::write("/work/t/cli-mine-color.txt", said + "\n").unwrap();
}
