//! From the text of an orchestration to its plan.

use std::sync::Arc;

use divan::{Bencher, black_box};
use model::{Map, Value};
use states::context::Context;
use states::file_client::{FileClient, FileError};

/// One SLS of this text.
struct One(String);

impl FileClient for One {
    fn read(&self, path: &str, _: &str) -> Result<Option<Arc<[u8]>>, FileError> {
        let is_it = path == "install.sls";
        Ok(is_it.then(|| self.0.as_bytes().into()))
    }
    fn list(&self, _: &str) -> Result<Vec<String>, FileError> {
        Ok(vec!["install.sls".to_owned()])
    }
    fn envs(&self) -> Vec<String> {
        vec!["base".to_owned()]
    }
}

/// Nodes that are installed, rebooted, waited for and joined one after the other, as Kubic's
/// orchestration does it: four steps a node.
fn text(nodes: usize) -> String {
    format!(
        r"{{% for node in range({nodes}) %}}
install-{{{{ node }}}}:
  salt.state:
    - tgt: node-{{{{ node }}}}
    - sls: [installer]
reboot-{{{{ node }}}}:
  salt.function:
    - name: system.reboot
    - tgt: node-{{{{ node }}}}
    - require: [{{salt: install-{{{{ node }}}}}}]
wait-{{{{ node }}}}:
  salt.wait_for_event:
    - name: salt/minion/*/start
    - id_list: [node-{{{{ node }}}}]
    - timeout: 1200
    - require: [{{salt: reboot-{{{{ node }}}}}}]
join-{{{{ node }}}}:
  salt.function:
    - name: cmd.run
    - tgt: node-{{{{ node }}}}
    - arg: [kubeadm join]
    - require: [{{salt: wait-{{{{ node }}}}}}]
{{% endfor %}}
"
    )
}

#[divan::bench(args = [2, 50])]
fn compile_orchestration(bencher: Bencher<'_, '_>, nodes: usize) {
    let (files, sls) = (One(text(nodes)), ["install".to_owned()]);
    let context = Context {
        grains: Value::Map(Map::new()),
        saltenv: "base".into(),
        ..Context::empty()
    };
    let plan = || {
        let compiled = states::compiler::compile(black_box(&sls), &files, &context).unwrap();
        orch::Plan::compile(
            "install",
            compiled.low,
            Vec::new(),
            orch::Options::default(),
        )
        .unwrap()
    };
    assert_eq!(plan().steps.len(), 4 * nodes);
    bencher.bench_local(plan);
}
