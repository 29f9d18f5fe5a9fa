//! The workflows are ones that can be read.

use serde_json::Value;

use crate::markdown::root;

#[test]
fn every_step_of_a_workflow_does_something() {
    let mut steps = 0;
    for entry in std::fs::read_dir(root().join(".github/workflows")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let workflow: Value = serde_saphyr::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (name, job) in workflow["jobs"].as_object().unwrap() {
            for step in job["steps"].as_array().unwrap() {
                let does = [&step["run"], &step["uses"]].map(Value::is_string);
                assert!(does[0] != does[1], "{}: {name}: {step}", path.display());
                steps += 1;
            }
        }
    }
    assert!(steps > 5, "{steps}");
}
