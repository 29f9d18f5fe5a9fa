//! A module that crashes. Ours does not by itself, so a counter of requests is built into it.

use std::path::Path;

use walrus::ir::{BinaryOp, Value};
use walrus::{ConstExpr, ExportItem, FunctionBuilder, Module, ValType};

/// The module, which traps at each request of a VM from that number on.
pub fn trapping(module: &Path, life: i32) -> Vec<u8> {
    let mut module = Module::from_file(module).unwrap();
    let export = module.exports.iter().find(|it| it.name == "proxy_on_request_headers").unwrap();
    let (export, ExportItem::Function(inner)) = (export.id(), export.item) else {
        panic!("a callback is a function")
    };
    let zero = ConstExpr::Value(Value::I32(0));
    let count = module.globals.add_local(ValType::I32, true, false, zero);
    let arguments = [(); 3].map(|()| module.locals.add(ValType::I32));
    let mut outer = FunctionBuilder::new(&mut module.types, &[ValType::I32; 3], &[ValType::I32]);
    outer
        .func_body()
        .global_get(count)
        .i32_const(1)
        .binop(BinaryOp::I32Add)
        .global_set(count)
        .global_get(count)
        .i32_const(life)
        .binop(BinaryOp::I32GeS)
        .if_else(
            None,
            |then| {
                then.unreachable();
            },
            |_| {},
        )
        .local_get(arguments[0])
        .local_get(arguments[1])
        .local_get(arguments[2])
        .call(inner);
    let outer = outer.finish(arguments.to_vec(), &mut module.funcs);
    module.exports.get_mut(export).item = ExportItem::Function(outer);
    module.emit_wasm()
}
